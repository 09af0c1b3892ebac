// Shapes on the wire, as the page uses them.
export interface Page<T> {
  items: T[];
  total: number;
  page: number;
  page_size: number;
  total_pages: number;
  has_more: boolean;
}

export interface Notice {
  code: string;
  message: string;
}

export interface User {
  uuid: string;
  email: string;
  full_name: string | null;
  role: string;
  is_active: boolean;
  is_superuser?: boolean;
  auth_type?: string;
  must_change_password?: boolean;
  last_login_at: string | null;
  created_at: string;
  locked_until?: string | null;
}

export interface StepView {
  name: string;
  label?: string | null;
  status: string;
  progress: number;
  error?: Notice | null;
  seconds?: number | null;
}

export interface JobView {
  uuid: string;
  kind: string;
  status: string;
  progress: number;
  eta_seconds: number | null;
  message: string | null;
  queue_position?: number | null;
  steps: StepView[];
  error?: Notice | null;
  attempt?: number;
  created_at?: string;
  started_at?: string | null;
  finished_at?: string | null;
}

export interface SpeakerTag {
  uuid: string;
  label: string;
  name: string;
}

export interface FileItem {
  uuid: string;
  filename: string;
  title: string;
  status: string;
  content_type: string;
  has_video: boolean;
  duration: number | null;
  language: string | null;
  file_size: number;
  upload_time: string;
  completed_at: string | null;
  thumbnail_url?: string | null;
  speakers: SpeakerTag[];
  speaker_count: number;
  error: Notice | null;
  notices: Notice[];
  job: JobView | null;
  whisper_model: string | null;
}

export interface FileDetail extends FileItem {
  media_format?: string | null;
  codec?: string | null;
  resolution_width?: number | null;
  resolution_height?: number | null;
  audio_channels?: number | null;
  audio_sample_rate?: number | null;
  diarization_model?: string | null;
  total_segments?: number;
}

export interface Speaker {
  uuid: string;
  label: string;
  name: string;
  display_name: string | null;
  suggested_name: string | null;
  suggestion_source?: string | null;
  confidence: number | null;
  verified: boolean;
  color_index: number;
  talk_seconds: number;
}

export interface Segment {
  uuid: string | null;
  speaker_uuid: string | null;
  start: number;
  end: number;
  text: string;
  confidence: number | null;
  is_overlap: boolean;
  flags: string[];
  /** Starts and ends in milliseconds and confidence 0..100, one per whitespace token of `text`. */
  w: number[];
  e: number[];
  c: number[];
}

export interface Transcript {
  file_uuid: string;
  language: string | null;
  status: 'none' | 'draft' | 'final';
  duration: number | null;
  revision: number;
  speakers: Speaker[];
  segments: Segment[];
}

export interface Edit {
  uuid: string;
  kind: string;
  summary: string;
  user_name: string | null;
  created_at: string;
  undone_at: string | null;
  before: Record<string, unknown>;
  after: Record<string, unknown>;
}

export interface SegmentEdited {
  segment: Segment;
  edit: Edit | null;
}

export interface SpeakerChanged {
  speaker: Partial<Speaker> & { uuid: string; name: string };
  edit: Edit | null;
  changed_files: number;
}

export interface Waveform {
  samples: number;
  duration: number;
  peaks: [number, number][];
}

export interface PendingUpload {
  uuid: string;
  filename: string;
  size_bytes: number;
  offset: number;
  created_at: string;
  expires_at: string | null;
  status: string;
}

export interface UploadResult {
  file_id: string | null;
  is_duplicate: boolean;
  status: string;
  error?: Notice | string | null;
}

export interface PreparedUpload {
  file_id: string | null;
  is_duplicate: boolean;
  upload_url?: string | null;
}

export interface Occurrence {
  snippet: string;
  start_time: number;
  end_time: number;
  speaker: string | null;
  chunk_index?: number;
  score?: number;
  match_type?: string;
  highlight_type?: string;
}

export interface SearchHit {
  file_uuid: string;
  title: string;
  title_highlighted?: string | null;
  speakers: string[];
  upload_time: string;
  language: string | null;
  duration: number | null;
  relevance_score?: number;
  occurrences: Occurrence[];
  total_occurrences: number;
}

export interface SearchAnswer {
  query: string;
  corrected_query?: string | null;
  results: SearchHit[];
  total_results: number;
  total_files: number;
  page: number;
  page_size: number;
  total_pages: number;
  search_time_ms: number;
  search_mode: string;
}

export interface Model {
  name: string;
  purpose: string;
  state: string;
  size_bytes: number | null;
  languages: string[] | string | null;
  translates: boolean;
  licence: string | null;
  folder: string | null;
  sources: string[] | null;
  is_default: boolean;
}

export interface TranscriptionDefaults {
  model?: string | null;
  language?: string | null;
  task?: string | null;
  min_speakers?: number | null;
  max_speakers?: number | null;
}

export interface VocabularyTerm {
  id: number;
  term: string;
  domain: string;
  is_active?: boolean;
  is_system?: boolean;
}

export interface LoginSession {
  uuid: string;
  created_at: string;
  last_seen_at?: string | null;
  expires_at?: string | null;
  user_agent?: string | null;
  ip_address?: string | null;
  is_current?: boolean;
}

export interface Dependency {
  name: string;
  status: string;
  detail?: string | null;
  seconds?: number | null;
}

export interface Health {
  status: string;
  version: string;
  dependencies: Dependency[];
}
