// The page's words. A further language is a catalogue of the same type, chosen here.
import { account } from './en/account';
import { backup } from './en/backup';
import { file } from './en/file';
import { keys } from './en/keys';
import { library } from './en/library';
import { search } from './en/search';
import { settings } from './en/settings';
import { shell } from './en/shell';
import { upgrade } from './en/upgrade';
import { upload } from './en/upload';

const en = { account, backup, file, keys, library, search, settings, shell, upgrade, upload };

export type Catalogue = typeof en;

export const locale = 'en';
export const m: Catalogue = en;
