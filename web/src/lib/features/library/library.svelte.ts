// The caller's recordings, page by page, kept fresh by live events.
import { ApiError, messageOf, request } from '$lib/api/client';
import type { FileItem, JobView, Page } from '$lib/api/types';
import { live } from '$lib/live/socket.svelte';
import type { LiveEvents } from '$lib/live/events';
import { STATUS_GROUPS } from './status';

const PAGE_SIZE = 60;
const SORTS: Record<string, [string, string]> = {
  newest: ['upload_time', 'desc'],
  oldest: ['upload_time', 'asc'],
  title: ['title', 'asc'],
  longest: ['duration', 'desc']
};

export class Library {
  items = $state<FileItem[]>([]);
  total = $state(0);
  state = $state<'loading' | 'ready' | 'failed'>('loading');
  error = $state('');
  more = $state(false);
  loadingMore = $state(false);
  search = $state('');
  status = $state('all');
  sort = $state('newest');
  #page = 1;
  #asked = 0;
  #timers = new Map<string, ReturnType<typeof setTimeout>>();

  get isFiltered(): boolean {
    return this.search !== '' || this.status !== 'all';
  }

  /** Reads from the first page; a list that is shown stays until the new one is here. */
  async load(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const page = await this.#read(1);
      if (asked !== this.#asked) return;
      this.#page = 1;
      this.items = page.items;
      this.total = page.total;
      this.more = page.has_more;
      this.state = 'ready';
    } catch (error) {
      if (asked !== this.#asked) return;
      this.error = messageOf(error);
      if (this.items.length === 0) this.state = 'failed';
    }
  }

  async loadMore(): Promise<void> {
    if (!this.more || this.loadingMore) return;
    this.loadingMore = true;
    const asked = this.#asked;
    try {
      const page = await this.#read(this.#page + 1);
      if (asked !== this.#asked) return;
      this.#page += 1;
      const known = new Set(this.items.map((item) => item.uuid));
      this.items = [...this.items, ...page.items.filter((item) => !known.has(item.uuid))];
      this.more = page.has_more;
    } catch (error) {
      this.error = messageOf(error);
    } finally {
      this.loadingMore = false;
    }
  }

  clear(): Promise<void> {
    this.search = '';
    this.status = 'all';
    return this.load();
  }

  remove(uuid: string): void {
    const before = this.items.length;
    this.items = this.items.filter((item) => item.uuid !== uuid);
    if (this.items.length < before) this.total -= 1;
  }

  /** Follows the live events until the returned function is called. */
  follow(): () => void {
    const stops = [
      live.on('file_created', () => this.#soon('list')),
      live.on('reconnected', () => void this.load()),
      live.on('file_updated', ({ file_id }) => this.#soon(file_id)),
      live.on('speaker_updated', ({ file_id }) => this.#soon(file_id)),
      live.on('file_deleted', ({ file_id }) => this.remove(file_id)),
      live.on('transcription_status', (data) => this.#progressed(data))
    ];
    return () => {
      stops.forEach((stop) => stop());
      this.#timers.forEach((timer) => clearTimeout(timer));
    };
  }

  #read(page: number): Promise<Page<FileItem>> {
    const [sort_by, sort_order] = SORTS[this.sort] ?? SORTS.newest;
    const status = STATUS_GROUPS[this.status] ?? [];
    const query = { page, page_size: PAGE_SIZE, search: this.search, status, sort_by, sort_order };
    return request<Page<FileItem>>('GET', '/files', { query });
  }

  #progressed(data: LiveEvents['transcription_status']): void {
    const item = this.items.find((one) => one.uuid === data.file_id);
    if (!item) return this.#soon('list');
    if (item.status !== data.status) this.#soon(item.uuid);
    item.status = data.status;
    const job: Partial<JobView> = {
      progress: data.progress / 100,
      eta_seconds: data.eta_seconds ?? null,
      message: data.message ?? null,
      steps: data.steps ?? item.job?.steps ?? []
    };
    if (item.job) Object.assign(item.job, job);
  }

  /** Many events about one thing lead to one question. */
  #soon(key: string): void {
    if (this.#timers.has(key)) return;
    const ask = async () => {
      this.#timers.delete(key);
      if (key === 'list') await this.load();
      else await this.#refresh(key);
    };
    this.#timers.set(
      key,
      setTimeout(() => void ask(), 250)
    );
  }

  async #refresh(uuid: string): Promise<void> {
    const at = this.items.findIndex((item) => item.uuid === uuid);
    if (at < 0) return;
    try {
      this.items[at] = await request<FileItem>('GET', `/files/${uuid}`);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.remove(uuid);
    }
  }
}
