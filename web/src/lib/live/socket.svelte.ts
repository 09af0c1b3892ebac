// One socket for the whole page, reopened when it drops.
import { base } from '$app/paths';
import { maintenance } from './maintenance.svelte';
import { backOffSeconds, parseEnvelope, type LiveEvents, type LiveType } from './events';

type Listener<T extends LiveType> = (data: LiveEvents[T]) => void;

class LiveSocket {
  connected = $state(false);
  #socket: WebSocket | null = null;
  #listeners = new Map<LiveType, Set<Listener<LiveType>>>();
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wanted = false;
  #wasConnected = false;

  open(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#connect();
    addEventListener('online', this.#hurry);
    document.addEventListener('visibilitychange', this.#hurry);
  }

  close(): void {
    this.#wanted = false;
    this.#wasConnected = false;
    clearTimeout(this.#timer);
    removeEventListener('online', this.#hurry);
    document.removeEventListener('visibilitychange', this.#hurry);
    this.#socket?.close();
    this.#socket = null;
    this.connected = false;
  }

  on<T extends LiveType>(type: T, listener: Listener<T>): () => void {
    const heard = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, heard);
    heard.add(listener as Listener<LiveType>);
    return () => heard.delete(listener as Listener<LiveType>);
  }

  #emit<T extends LiveType>(type: T, data: LiveEvents[T]): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(data);
  }

  #connect(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}${base}/api/ws`);
    this.#socket = socket;
    socket.onopen = () => {
      this.#attempt = 0;
      this.connected = true;
      if (this.#wasConnected) this.#emit('reconnected', {});
      this.#wasConnected = true;
    };
    socket.onmessage = (event) => {
      const envelope = parseEnvelope(String(event.data));
      if (envelope) this.#emit(envelope.type, envelope.data);
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.connected = false;
      this.#socket = null;
      if (this.#wanted) void this.#comeBack();
    };
  }

  /** Closed for an update, it is opened when that is over, not again and again meanwhile. */
  async #comeBack(): Promise<void> {
    await maintenance.probe();
    const wasUpdated = maintenance.active;
    await maintenance.over();
    if (!this.#wanted || this.#socket) return;
    if (wasUpdated) this.#hurry();
    else this.#later();
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), backOffSeconds(this.#attempt++) * 1000);
  }

  #hurry = (): void => {
    if (!this.#wanted || this.#socket || document.hidden) return;
    clearTimeout(this.#timer);
    this.#attempt = 0;
    this.#connect();
  };
}

export const live = new LiveSocket();
