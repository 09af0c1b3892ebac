// Pure rules of the upload list: what runs next, how fast, how long still.
export type UploadState =
  'waiting' | 'hashing' | 'sending' | 'paused' | 'done' | 'duplicate' | 'failed';

export interface UploadOptions {
  language: string;
  model: string;
  minSpeakers: number | null;
  maxSpeakers: number | null;
  translate: boolean;
  diarize: boolean;
}

export const PLAIN_OPTIONS: UploadOptions = {
  language: '',
  model: '',
  minSpeakers: null,
  maxSpeakers: null,
  translate: false,
  diarize: true
};

export interface UploadView {
  id: number;
  name: string;
  size: number;
  state: UploadState;
  sent: number;
  checked: number;
  bytesPerSecond: number;
  error: string;
  fileUuid: string | null;
}

export const CONCURRENT_UPLOADS = 3;
export const SIZE_LIMIT_BYTES = 15 * 1000 ** 3;
/** Above this the browser's own checksum takes longer than it may save; the server makes one. */
export const CHECKSUM_LIMIT_BYTES = 4 * 1000 ** 3;

export function isRunning(item: Pick<UploadView, 'state'>): boolean {
  return item.state === 'hashing' || item.state === 'sending';
}

export function isFinished(item: Pick<UploadView, 'state'>): boolean {
  return item.state === 'done' || item.state === 'duplicate';
}

/** The waiting items that may start now, oldest first. */
export function startable<T extends Pick<UploadView, 'state'>>(
  items: readonly T[],
  limit = CONCURRENT_UPLOADS
): T[] {
  const free = limit - items.filter(isRunning).length;
  return items.filter((item) => item.state === 'waiting').slice(0, Math.max(0, free));
}

/** Bytes per second over a sliding window, so that a stall shows within seconds. */
export class SpeedMeter {
  #samples: { at: number; bytes: number }[] = [];
  constructor(readonly windowMs = 8000) {}

  add(at: number, bytes: number): number {
    this.#samples.push({ at, bytes });
    while (this.#samples.length > 2 && this.#samples[0].at < at - this.windowMs)
      this.#samples.shift();
    const first = this.#samples[0];
    const seconds = (at - first.at) / 1000;
    return seconds > 0.2 ? Math.max(0, (bytes - first.bytes) / seconds) : 0;
  }

  reset(): void {
    this.#samples = [];
  }
}

export function secondsLeft(
  item: Pick<UploadView, 'size' | 'sent' | 'bytesPerSecond'>
): number | null {
  if (item.bytesPerSecond <= 0) return null;
  return (item.size - item.sent) / item.bytesPerSecond;
}

/** The options as tus metadata; what was left open is not sent. */
export function metadataOf(
  file: { name: string; type: string },
  sha256: string,
  options: UploadOptions
): Record<string, string> {
  const metadata: Record<string, string> = {
    filename: file.name,
    filetype: file.type || 'application/octet-stream'
  };
  if (sha256) metadata.sha256 = sha256;
  if (options.language) metadata.language = options.language;
  if (options.model) metadata.model = options.model;
  if (options.translate) metadata.task = 'translate';
  if (options.minSpeakers) metadata.min_speakers = String(options.minSpeakers);
  if (options.maxSpeakers) metadata.max_speakers = String(options.maxSpeakers);
  if (!options.diarize) metadata.disable_diarization = 'true';
  return metadata;
}
