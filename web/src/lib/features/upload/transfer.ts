// One resumable upload by tus, from checksum to the file's id.
import { Upload, type DetailedError } from 'tus-js-client';
import { apiUrl, csrfToken, request } from '$lib/api/client';
import type { PreparedUpload } from '$lib/api/types';
import { maintenance } from '$lib/live/maintenance.svelte';
import { sha256 } from './hash';
import { CHECKSUM_LIMIT_BYTES, metadataOf, type UploadOptions } from './queue';

export interface TransferEvents {
  checked(bytes: number): void;
  sending(): void;
  sent(bytes: number): void;
}

export interface TransferResult {
  fileUuid: string | null;
  isDuplicate: boolean;
}

const CHUNK_BYTES = 16 * 1024 * 1024;
const RETRY_MS = [0, 1000, 3000, 5000, 10_000, 20_000, 30_000];

/** Pausing keeps what was sent; cancelling deletes it on the server too. */
export class Transfer {
  #upload: Upload | null = null;
  #stopped = new AbortController();
  #hash = '';

  constructor(
    readonly file: File,
    readonly options: UploadOptions,
    readonly owner: string
  ) {}

  async run(events: TransferEvents): Promise<TransferResult> {
    this.#stopped = new AbortController();
    const { signal } = this.#stopped;
    if (this.file.size <= CHECKSUM_LIMIT_BYTES) {
      this.#hash ||= await this.#sum(events, signal);
      const known = await this.#ask(signal);
      if (known.is_duplicate) return { fileUuid: known.file_id, isDuplicate: true };
    }
    events.sending();
    return this.#send(events, signal);
  }

  async pause(): Promise<void> {
    this.#stopped.abort(new DOMException('Paused', 'AbortError'));
    await this.#upload?.abort(false);
  }

  async cancel(): Promise<void> {
    this.#stopped.abort(new DOMException('Cancelled', 'AbortError'));
    await this.#upload?.abort(true);
  }

  /** The program that counts comes from the server too, so an update can hold it up. */
  async #sum(events: TransferEvents, signal: AbortSignal): Promise<string> {
    await maintenance.over(signal);
    try {
      return await sha256(this.file, events.checked, signal);
    } catch (error) {
      if (!signal.aborted) await maintenance.probe();
      if (!maintenance.active) throw error;
      return this.#sum(events, signal);
    }
  }

  /** What a chosen file is recognised by after the tab was closed. */
  #fingerprint(): string {
    const { name, size, lastModified } = this.file;
    return `opentr-${this.owner}-${this.#hash || `${name}-${size}-${lastModified}`}`;
  }

  #ask(signal: AbortSignal): Promise<PreparedUpload> {
    return request<PreparedUpload>('POST', '/files/prepare', {
      signal,
      body: {
        filename: this.file.name,
        file_size: this.file.size,
        content_type: this.file.type || 'application/octet-stream',
        file_hash: this.#hash
      }
    });
  }

  async #send(events: TransferEvents, signal: AbortSignal): Promise<TransferResult> {
    const result: TransferResult = { fileUuid: null, isDuplicate: false };
    const finished = new Promise<TransferResult>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.#upload = new Upload(this.file, {
        endpoint: location.origin + apiUrl('/uploads'),
        chunkSize: CHUNK_BYTES,
        retryDelays: RETRY_MS,
        metadata: metadataOf(this.file, this.#hash, this.options),
        removeFingerprintOnSuccess: true,
        fingerprint: () => Promise.resolve(this.#fingerprint()),
        // While the server is updated a piece waits here, so that no attempt is used up.
        onBeforeRequest: async (req) => {
          await maintenance.over(signal);
          const token = csrfToken();
          if (token) req.setHeader('X-CSRF-Token', token);
        },
        onAfterResponse: async (_, response) => {
          if (response.getStatus() === 503) await maintenance.probe();
          result.fileUuid = response.getHeader('Upload-File-Id') || result.fileUuid;
          if (response.getHeader('Upload-Duplicate') === '1') result.isDuplicate = true;
        },
        onProgress: (sent) => events.sent(sent),
        onSuccess: () => resolve(result),
        onError: (error) => reject(readable(error))
      });
    });
    finished.catch(() => undefined);
    const upload = this.#upload;
    if (upload) {
      const [previous] = await upload.findPreviousUploads();
      if (previous) upload.resumeFromPreviousUpload(previous);
      if (!signal.aborted) upload.start();
    }
    return finished;
  }
}

/** tus-js-client's error with the sentence of the server, when there is one. */
function readable(error: Error | DetailedError): Error {
  const response = 'originalResponse' in error ? error.originalResponse : null;
  const body = response?.getBody();
  if (body) {
    try {
      const { detail } = JSON.parse(body) as { detail?: unknown };
      if (typeof detail === 'string') return new Error(detail);
    } catch {
      // Not a problem document; the general sentence follows.
    }
  }
  return new Error(
    'The connection broke off. What was sent is kept; try again and it goes on from there.'
  );
}
