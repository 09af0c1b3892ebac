// An update of the server, as an open page lives through it: what the page asks for waits until
// the server is back, so nothing that was typed is refused.
import { ApiError, apiUrl, onMaintenance } from '$lib/api/client';

const POLL_MS = 1000;

interface Told {
  maintenance?: boolean;
  title?: string;
  fraction?: number;
  seconds_left?: number;
}

class Maintenance {
  active = $state(false);
  title = $state('');
  fraction = $state(0);
  secondsLeft = $state(0);
  /** The server that came back has another version than the one that drew this page. */
  isOutdated = $state(false);
  #version = '';
  #waiting = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    onMaintenance({ notice: (error) => this.notice(error), over: (signal) => this.over(signal) });
  }

  /** The version that drew this page; asked once, at its start. */
  async start(): Promise<void> {
    this.#version ||= (await readVersion()) ?? '';
  }

  /** An update may have come and gone while this page slept. */
  async recheck(): Promise<void> {
    const version = await readVersion();
    if (this.#version && version && version !== this.#version) this.isOutdated = true;
  }

  /** A request was refused because of an update. */
  notice(error?: ApiError): void {
    if (error) this.#take(error.fields as Told);
    if (this.active) return;
    this.active = true;
    this.#later();
  }

  /** The socket was closed or the server is gone: is it an update? */
  async probe(): Promise<void> {
    if (this.active) return;
    const told = await readProgress();
    if (!told?.maintenance) return;
    this.#take(told);
    this.notice();
  }

  /** Resolves when requests are answered again, at once where none are held. */
  over(signal?: AbortSignal): Promise<void> {
    if (!this.active) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = () => {
        signal?.removeEventListener('abort', given);
        resolve();
      };
      const given = () => {
        this.#waiting.delete(done);
        reject(signal?.reason);
      };
      if (signal?.aborted) return given();
      signal?.addEventListener('abort', given, { once: true });
      this.#waiting.add(done);
    });
  }

  #take(told: Told): void {
    if (typeof told.fraction !== 'number') return;
    this.fraction = told.fraction;
    this.title = told.title ?? '';
    this.secondsLeft = told.seconds_left ?? 0;
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#poll(), POLL_MS);
  }

  async #poll(): Promise<void> {
    const told = await readProgress();
    if (told?.maintenance) this.#take(told);
    else if (told) {
      const version = await readVersion();
      if (version !== null) return this.#end(version);
    }
    this.#later();
  }

  #end(version: string): void {
    this.isOutdated = this.#version !== '' && version !== this.#version;
    this.active = false;
    this.title = '';
    this.fraction = 0;
    for (const go of [...this.#waiting]) go();
    this.#waiting.clear();
  }
}

async function readProgress(): Promise<Told | null> {
  return ask<Told>('/maintenance');
}

async function readVersion(): Promise<string | null> {
  const answer = await ask<{ version?: string }>('/version');
  return typeof answer?.version === 'string' ? answer.version : null;
}

/** Past the queue of held requests; null while nothing, or something else, answers. */
async function ask<T>(path: string): Promise<T | null> {
  try {
    const headers = { Accept: 'application/json' };
    const response = await fetch(apiUrl(path), { headers, cache: 'no-store' });
    return response.ok ? ((await response.json()) as T) : null;
  } catch {
    return null;
  }
}

export const maintenance = new Maintenance();
