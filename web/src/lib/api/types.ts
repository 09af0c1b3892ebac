// Shapes on the wire by the names that the page uses, made from the API's own description.
import type { components } from './schema';

type Schemas = components['schemas'];

export interface Page<T> {
  items: T[];
  total: number;
  page: number;
  page_size: number;
  total_pages: number;
  has_more: boolean;
}

/** Live events and the summary in a list say less about a step than the job itself. */
export type StepView = Schemas['StepSummary'] & Partial<Schemas['StepView']>;
export type JobView = Omit<Schemas['JobSummary'], 'steps'> &
  Partial<Omit<Schemas['JobView'], 'steps'>> & { steps: StepView[] };

export type FileItem = Omit<Schemas['FileItem'], 'job'> & { job: JobView | null };
export type FileDetail = Omit<Schemas['FileDetail'], 'job'> & { job: JobView | null };
export type MediaFile = Schemas['MediaFileOut'];
export type User = Schemas['UserOut'];
export type LoginSession = Schemas['SessionOut'];

export type Speaker = Schemas['SpeakerOut'];
export type SpeakerChanged = Schemas['SpeakerChanged'];
/** `w`, `e` (ms) and `c` (0..100) have one entry for each whitespace token of `text`. */
export type Segment = Schemas['SegmentOut'];
export type Transcript = Schemas['TranscriptOut'];
export type Edit = Schemas['EditOut'];
export type SegmentEdited = Schemas['SegmentEdited'];
export type Waveform = Schemas['WaveformOut'];

export type PendingUpload = Schemas['UploadOut'];
export type PreparedUpload = Schemas['PrepareOut'];

export type SearchAnswer = Schemas['SearchOut'];
export type SearchFacets = Schemas['FacetsOut'];
export type SearchHit = Schemas['FileResult'];
export type Occurrence = Schemas['OccurrenceOut'];

export type Model = Schemas['ModelOut'];
export type TranscriptionDefaults = Schemas['TranscriptionSettings'];
export type VocabularyTerm = Schemas['TermOut'];
export type Health = Schemas['HealthOut'];
export type About = Schemas['AboutOut'];

export type Updates = Schemas['UpdatesOut'];
export type Preparing = Schemas['PreparingOut'];
export type UpdateRun = Schemas['UpdateOut'];
export type PastUpdate = Schemas['PastUpdateOut'];
export type Severity = 'blocker' | 'warning' | 'note';
export interface Finding {
  name: string;
  title: string;
  severity: Severity;
  cause: string;
  mend: string;
}
/** What the last check found; without `report` it did not come to the checks. */
export interface UpdateCheck {
  from_version: string;
  to_version: string;
  checked_at: string;
  may_begin: boolean;
  seconds: number;
  backup: string;
  trouble: string;
  breaking?: string[];
  env_difference?: string;
  migrate_seconds?: number;
  report?: { checks: number; seconds: number; findings: Finding[]; passed: string[] } | null;
}

export type Backups = Schemas['BackupsOut'];
export type Backup = Schemas['BackupOut'];
export type BackupPolicy = Schemas['BackupsOut']['policy'];
