// What the Upgrade page knows, and what it asked for that has not begun yet.
import { messageOf, request } from '$lib/api/client';
import type { UpdateCheck, UpdateRun, Updates } from '$lib/api/types';
import { toasts } from '$lib/ui/toasts.svelte';

export type Verb = 'check' | 'update' | 'rollback';

const PATHS: Record<Verb, string> = {
  check: '/admin/updates/check',
  update: '/admin/updates',
  rollback: '/admin/updates/rollback'
};
const BUSY_MS = 1000;
const IDLE_MS = 15_000;
const SLOW_MS = 180_000;

interface Asked {
  verb: Verb;
  at: number;
  /** What was there before, to see when something new comes. */
  run: string;
  checkedAt: string;
}

export class Upgrade {
  facts = $state<Updates | null>(null);
  error = $state('');
  asked = $state<Asked | null>(null);
  isSlow = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = new AbortController();

  get check(): UpdateCheck | null {
    return (this.facts?.check as unknown as UpdateCheck | null) ?? null;
  }

  get current(): UpdateRun | null {
    return this.facts?.current ?? null;
  }

  get isRunning(): boolean {
    return this.current?.outcome === 'running';
  }

  /** What was asked for here or elsewhere and has not shown what comes of it; else empty. */
  get verb(): Verb | '' {
    if (this.asked) return this.asked.verb;
    if (!this.facts?.waiting) return '';
    return this.facts.preparing?.verb ?? 'check';
  }

  /** What was asked for and ended without a word. */
  get failed(): Updates['preparing'] {
    const preparing = this.facts?.preparing ?? null;
    return this.verb || !preparing?.has_ended ? null : preparing;
  }

  get isBusy(): boolean {
    return this.verb !== '' || this.isRunning;
  }

  /** The release that may be installed now; empty where there is none. */
  get offered(): string {
    const { check, facts } = this;
    if (!check?.may_begin || check.from_version !== facts?.version) return '';
    return check.to_version === facts.version ? '' : check.to_version;
  }

  open(): () => void {
    this.#stopped = new AbortController();
    void this.#look();
    return () => {
      clearTimeout(this.#timer);
      this.#stopped.abort(new DOMException('Left the page', 'AbortError'));
    };
  }

  async ask(verb: Verb): Promise<void> {
    const before = {
      verb,
      at: Date.now(),
      run: this.current?.id ?? '',
      checkedAt: this.check?.checked_at ?? ''
    };
    try {
      const body = verb === 'rollback' ? undefined : { version: '' };
      await request('POST', PATHS[verb], { body });
      this.asked = before;
      this.isSlow = false;
      await this.#look();
    } catch (cause) {
      toasts.fail(messageOf(cause));
    }
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopped;
    clearTimeout(this.#timer);
    try {
      this.facts = await request<Updates>('GET', '/admin/updates', { signal });
      this.error = '';
      this.#settle();
    } catch (cause) {
      if (signal.aborted) return;
      this.error = messageOf(cause);
    }
    if (!signal.aborted)
      this.#timer = setTimeout(() => void this.#look(), this.isBusy ? BUSY_MS : IDLE_MS);
  }

  /** Forgets what was asked for once its answer is there. */
  #settle(): void {
    const { asked } = this;
    if (!asked || this.facts?.waiting) return;
    const hasRun = (this.current?.id ?? '') !== asked.run;
    const hasChecked = (this.check?.checked_at ?? '') !== asked.checkedAt;
    const isOver = hasRun || (asked.verb === 'check' && hasChecked) || this.#endedSince(asked.at);
    if (isOver) this.asked = null;
    else this.isSlow = Date.now() - asked.at > SLOW_MS;
  }

  /** Clocks of two machines may differ by a little; what ended before the click ended long before. */
  #endedSince(at: number): boolean {
    const preparing = this.facts?.preparing;
    return preparing?.has_ended === true && Date.parse(preparing.since) > at - 5000;
  }
}
