// The list of uploads; it lives as long as the tab, whatever page is shown.
import { messageOf, request } from '$lib/api/client';
import type { PendingUpload } from '$lib/api/types';
import { session } from '$lib/features/session/session.svelte';
import { m } from '$lib/i18n';
import {
  isFinished,
  isRunning,
  PLAIN_OPTIONS,
  SIZE_LIMIT_BYTES,
  SpeedMeter,
  startable,
  type UploadOptions,
  type UploadState,
  type UploadView
} from './queue';
import { Transfer } from './transfer';

let lastId = 0;

class UploadItem implements UploadView {
  readonly id = ++lastId;
  readonly name: string;
  readonly size: number;
  readonly transfer: Transfer;
  readonly meter = new SpeedMeter();
  state = $state<UploadState>('waiting');
  sent = $state(0);
  checked = $state(0);
  bytesPerSecond = $state(0);
  error = $state('');
  fileUuid = $state<string | null>(null);

  constructor(file: File, options: UploadOptions) {
    this.name = file.name;
    this.size = file.size;
    this.transfer = new Transfer(file, options, session.user?.uuid ?? '');
  }
}

class Uploads {
  items = $state<UploadItem[]>([]);
  /** Files that wait for the person to choose options. */
  offered = $state<File[]>([]);
  unfinished = $state<PendingUpload[]>([]);
  picker: HTMLInputElement | undefined;

  get running(): boolean {
    return this.items.some(isRunning);
  }

  choose(): void {
    this.picker?.click();
  }

  offer(files: Iterable<File>): void {
    this.offered = [...this.offered, ...files];
  }

  accept(options: UploadOptions = PLAIN_OPTIONS): void {
    for (const file of this.offered) this.#add(file, options);
    this.offered = [];
    this.#pump();
  }

  async pause(item: UploadItem): Promise<void> {
    item.state = 'paused';
    await item.transfer.pause();
    this.#pump();
  }

  resume(item: UploadItem): void {
    item.error = '';
    item.state = 'waiting';
    this.#pump();
  }

  async cancel(item: UploadItem): Promise<void> {
    this.items = this.items.filter((other) => other !== item);
    if (!isFinished(item)) await item.transfer.cancel().catch(() => undefined);
    this.#pump();
  }

  clear(): void {
    this.items = this.items.filter((item) => !isFinished(item));
  }

  async loadUnfinished(): Promise<void> {
    try {
      const found = await request<PendingUpload[]>('GET', '/uploads');
      this.unfinished = found.filter(
        (upload) => !this.items.some((i) => i.name === upload.filename)
      );
    } catch {
      // Only a reminder: it comes back with the next visit.
    }
  }

  async forget(upload: PendingUpload): Promise<void> {
    this.unfinished = this.unfinished.filter((other) => other.uuid !== upload.uuid);
    await fetchTermination(upload.uuid);
  }

  #add(file: File, options: UploadOptions): void {
    const item = new UploadItem(file, options);
    const refusal =
      file.size === 0 ? m.upload.empty : file.size > SIZE_LIMIT_BYTES ? m.upload.tooLarge : '';
    if (refusal) {
      item.state = 'failed';
      item.error = refusal;
    }
    this.unfinished = this.unfinished.filter((other) => other.filename !== file.name);
    this.items = [...this.items, item];
  }

  #pump(): void {
    for (const item of startable(this.items)) void this.#run(item);
  }

  async #run(item: UploadItem): Promise<void> {
    item.state = 'hashing';
    item.meter.reset();
    try {
      const result = await item.transfer.run({
        checked: (bytes) => (item.checked = bytes),
        sending: () => (item.state = 'sending'),
        sent: (bytes) => {
          item.sent = bytes;
          item.bytesPerSecond = item.meter.add(performance.now(), bytes);
        }
      });
      item.fileUuid = result.fileUuid;
      item.sent = item.size;
      item.state = result.isDuplicate ? 'duplicate' : 'done';
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return;
      item.error = messageOf(error);
      item.state = 'failed';
    } finally {
      this.#pump();
    }
  }
}

async function fetchTermination(uuid: string): Promise<void> {
  await request('DELETE', `/uploads/${uuid}`).catch(() => undefined);
}

export type { UploadItem };
export const uploads = new Uploads();
