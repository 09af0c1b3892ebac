// The backups as the page shows them; what runs is the server's word, so it survives a reload.
import { messageOf, request } from '$lib/api/client';
import type { Backup, BackupPolicy, Backups } from '$lib/api/types';
import { m } from '$lib/i18n';
import { toasts } from '$lib/ui/toasts.svelte';

const BUSY_MS = 1000;
const IDLE_MS = 20_000;
/** So long after a click the list is asked often: what was asked for may not have begun. */
const EAGER_MS = 15_000;

const newest = (all: Backup[]) =>
  all.reduce<Backup | null>(
    (best, one) => (best && Date.parse(best.made_at) >= Date.parse(one.made_at) ? best : one),
    null
  );

export class BackupList {
  facts = $state<Backups | null>(null);
  error = $state('');
  askedAt = $state(0);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = new AbortController();

  get sorted(): Backup[] {
    const all = [...(this.facts?.backups ?? [])];
    return all.sort((a, b) => Date.parse(b.made_at) - Date.parse(a.made_at));
  }

  /** One that was proven by reading it again or by a rehearsal. */
  get lastGood(): Backup | null {
    return newest(this.sorted.filter((one) => ['checked', 'drilled'].includes(one.state)));
  }

  get lastDrilled(): Backup | null {
    const drilled = this.sorted.filter((one) => one.drilled_at);
    drilled.sort((a, b) => Date.parse(b.drilled_at ?? '') - Date.parse(a.drilled_at ?? ''));
    return drilled[0] ?? null;
  }

  get isBusy(): boolean {
    return this.facts?.running != null || this.askedAt > 0;
  }

  open(): () => void {
    this.#stopped = new AbortController();
    void this.#look();
    return () => {
      clearTimeout(this.#timer);
      this.#stopped.abort(new DOMException('Left the page', 'AbortError'));
    };
  }

  make(encrypt: boolean): Promise<void> {
    return this.#ask('POST', '', { kind: 'both', encrypt });
  }

  drill(): Promise<void> {
    return this.#ask('POST', '/drill');
  }

  verify(one: Backup): Promise<void> {
    return this.#ask('POST', `/${encodeURIComponent(one.name)}/verify`);
  }

  remove(one: Backup): Promise<void> {
    return this.#ask('DELETE', `/${encodeURIComponent(one.name)}`);
  }

  async plan(policy: BackupPolicy): Promise<boolean> {
    try {
      await request('PUT', '/admin/backups/policy', { body: policy });
    } catch (cause) {
      toasts.fail(messageOf(cause));
      return false;
    }
    toasts.show(m.backup.saved);
    await this.#look();
    return true;
  }

  async #ask(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<void> {
    try {
      await request(method, `/admin/backups${path}`, { body });
      this.askedAt = Date.now();
      await this.#look();
    } catch (cause) {
      toasts.fail(messageOf(cause));
    }
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopped;
    clearTimeout(this.#timer);
    try {
      this.facts = await request<Backups>('GET', '/admin/backups', { signal });
      this.error = '';
      if (this.facts.running || Date.now() - this.askedAt > EAGER_MS) this.askedAt = 0;
    } catch (cause) {
      if (signal.aborted) return;
      this.error = messageOf(cause);
    }
    if (!signal.aborted)
      this.#timer = setTimeout(() => void this.#look(), this.isBusy ? BUSY_MS : IDLE_MS);
  }
}
