// What the server tells the page over the socket.
import type { StepView } from '$lib/api/types';

export interface LiveEvents {
  file_created: { file_id: string };
  file_updated: { file_id: string };
  file_deleted: { file_id: string };
  transcription_status: {
    file_id: string;
    status: string;
    progress: number;
    message?: string | null;
    eta_seconds?: number | null;
    steps?: StepView[];
  };
  transcript_draft: { file_id: string; window_index?: number };
  transcript_changed: { file_id: string; revision?: number };
  search_indexing_complete: { file_id: string };
  speaker_updated: { file_id: string };
  /** Not from the server: the socket is back, so anything may have changed meanwhile. */
  reconnected: Record<string, never>;
}

export type LiveType = keyof LiveEvents;

const TYPES: ReadonlySet<string> = new Set<LiveType>([
  'file_created',
  'file_updated',
  'file_deleted',
  'transcription_status',
  'transcript_draft',
  'transcript_changed',
  'search_indexing_complete',
  'speaker_updated'
]);

export interface Envelope<T extends LiveType = LiveType> {
  type: T;
  data: LiveEvents[T];
}

/** Reads one frame; null for anything the page has no use for. */
export function parseEnvelope(frame: string): Envelope | null {
  let content: unknown;
  try {
    content = JSON.parse(frame);
  } catch {
    return null;
  }
  if (typeof content !== 'object' || content === null) return null;
  const { type, data } = content as { type?: unknown; data?: unknown };
  if (typeof type !== 'string' || !TYPES.has(type)) return null;
  if (typeof data !== 'object' || data === null) return null;
  if (typeof (data as { file_id?: unknown }).file_id !== 'string') return null;
  return { type: type as LiveType, data: data as LiveEvents[LiveType] };
}

/** Seconds to wait before the n-th new attempt: doubling, at most half a minute, spread out. */
export function backOffSeconds(attempt: number, random: () => number = Math.random): number {
  return Math.min(30, 0.5 * 2 ** attempt) * (0.7 + 0.6 * random());
}
