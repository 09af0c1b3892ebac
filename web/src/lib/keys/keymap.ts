// Which key means what on the file page, and when a key press counts at all.
export const ACTIONS = [
  'play',
  'back',
  'forward',
  'back15',
  'forward15',
  'slower',
  'faster',
  'loopStart',
  'loopEnd',
  'previousTurn',
  'nextTurn',
  'nextUncertain',
  'follow',
  'edit',
  'find',
  'undo',
  'redo',
  'help'
] as const;

export type Action = (typeof ACTIONS)[number];

export const USUAL_KEYS: Record<Action, string[]> = {
  play: ['Space', 'k'],
  back: ['ArrowLeft'],
  forward: ['ArrowRight'],
  back15: ['j'],
  forward15: ['l'],
  slower: [','],
  faster: ['.'],
  loopStart: ['['],
  loopEnd: [']'],
  previousTurn: ['Shift+ArrowUp'],
  nextTurn: ['Shift+ArrowDown'],
  nextUncertain: ['n'],
  follow: ['g'],
  edit: ['e'],
  find: ['/'],
  undo: ['Ctrl+z'],
  redo: ['Ctrl+Shift+z'],
  help: ['?']
};

export type CustomKeys = Partial<Record<string, string>>;

export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

/** "Ctrl+Shift+z", "Space", "?": one name per combination. Shift counts only beside Ctrl or Alt. */
export function chordOf(press: KeyPress): string {
  const key =
    press.key === ' ' ? 'Space' : press.key.length === 1 ? press.key.toLowerCase() : press.key;
  const parts: string[] = [];
  if (press.ctrlKey || press.metaKey) parts.push('Ctrl');
  if (press.altKey) parts.push('Alt');
  if (press.shiftKey && (parts.length > 0 || key.length > 1)) parts.push('Shift');
  return [...parts, key].join('+');
}

export function keysOf(action: Action, custom: CustomKeys): string[] {
  const own = custom[action];
  return own ? [own] : USUAL_KEYS[action];
}

export function isModified(chord: string): boolean {
  return chord.startsWith('Ctrl+') || chord.startsWith('Alt+');
}

/** The action of a key press; null when it means nothing here. */
export function actionOf(press: KeyPress, custom: CustomKeys, singleKeys: boolean): Action | null {
  const chord = chordOf(press);
  if (!singleKeys && !isModified(chord)) return null;
  return ACTIONS.find((action) => keysOf(action, custom).includes(chord)) ?? null;
}

/** Which speaker (0 for the first) a digit from 1 to 9 means; null when it means none. */
export function speakerOf(press: KeyPress, custom: CustomKeys, singleKeys: boolean): number | null {
  if (!singleKeys || !/^[1-9]$/.test(chordOf(press))) return null;
  return actionOf(press, custom, singleKeys) ? null : Number(press.key) - 1;
}

/** The action that already uses `chord`, other than `except`. */
export function takenBy(chord: string, custom: CustomKeys, except: Action): Action | null {
  return (
    ACTIONS.find((action) => action !== except && keysOf(action, custom).includes(chord)) ?? null
  );
}

const TYPING = 'input, textarea, select, [contenteditable="true"], dialog, [role="menu"]';
const OWN_SPACE = 'button, a[href], summary, [role="slider"]';

/** True where a key belongs to the focused element and not to the page. */
export function belongsToElement(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof Element)) return false;
  if (target.closest(TYPING)) return true;
  if (target.closest('[role="slider"]') && key.startsWith('Arrow')) return true;
  return (key === ' ' || key === 'Enter') && target.closest(OWN_SPACE) !== null;
}
