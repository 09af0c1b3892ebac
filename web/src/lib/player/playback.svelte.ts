// The state of the media element, for the bar, the waveform, the keys and the text.
import { preferences } from '$lib/features/preferences/preferences.svelte';

export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];
const REWIND_SECONDS = 2;

type FrameListener = (seconds: number) => void;

export class Playback {
  playing = $state(false);
  waiting = $state(false);
  time = $state(0);
  duration = $state(0);
  rate = $state(preferences.current.rate);
  volume = $state(preferences.current.volume);
  muted = $state(false);
  failed = $state(false);
  loop = $state<{ start: number; end: number | null } | null>(null);
  #element: HTMLMediaElement | null = null;
  #listeners = new Set<FrameListener>();
  #frame = 0;
  #pending: number | null = null;

  constructor(knownDuration: number | null) {
    this.duration = knownDuration ?? 0;
  }

  /** Binds a media element; returns what unbinds it. */
  attach = (element: HTMLMediaElement): (() => void) => {
    const stop = new AbortController();
    const { signal } = stop;
    const on = (name: string, run: () => void) => element.addEventListener(name, run, { signal });
    this.#element = element;
    element.playbackRate = this.rate;
    element.volume = this.volume;
    on('play', () => this.#setPlaying(true));
    on('pause', () => this.#setPlaying(false));
    on('ended', () => this.#setPlaying(false));
    on('waiting', () => (this.waiting = true));
    on('playing', () => (this.waiting = false));
    on('seeked', () => this.#tell());
    on('timeupdate', () => this.#tell());
    on('error', () => (this.failed = true));
    on('loadedmetadata', () => {
      this.failed = false;
      if (Number.isFinite(element.duration)) this.duration = element.duration;
      element.playbackRate = this.rate;
      if (this.#pending !== null) element.currentTime = this.#pending;
      this.#pending = null;
    });
    return () => {
      stop.abort();
      cancelAnimationFrame(this.#frame);
      this.#element = null;
    };
  };

  onFrame(listener: FrameListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async play(): Promise<void> {
    if (preferences.current.rewindOnResume && this.time > REWIND_SECONDS)
      this.seek(this.time - REWIND_SECONDS);
    // A browser may refuse to play before the first click; the button stays as it is then.
    await this.#element?.play().catch(() => undefined);
  }

  pause(): void {
    this.#element?.pause();
  }

  toggle(): void {
    if (this.playing) this.pause();
    else void this.play();
  }

  seek(seconds: number): void {
    const wanted = Math.min(Math.max(0, seconds), this.duration || seconds);
    this.time = wanted;
    if (!this.#element) return;
    if (this.#element.readyState === 0) this.#pending = wanted;
    else this.#element.currentTime = wanted;
    this.#emit(wanted);
  }

  skip(seconds: number): void {
    this.seek(this.time + seconds);
  }

  setRate(rate: number): void {
    this.rate = rate;
    if (this.#element) this.#element.playbackRate = rate;
    preferences.set('rate', rate);
  }

  stepRate(direction: 1 | -1): void {
    const at = RATES.findIndex((rate) => rate >= this.rate);
    const next = RATES[Math.min(RATES.length - 1, Math.max(0, at + direction))];
    this.setRate(next);
  }

  setVolume(volume: number): void {
    this.volume = volume;
    this.muted = false;
    if (this.#element) Object.assign(this.#element, { volume, muted: false });
    preferences.set('volume', volume);
  }

  toggleMute(): void {
    this.muted = !this.muted;
    if (this.#element) this.#element.muted = this.muted;
  }

  loopFrom(): void {
    this.loop = { start: this.time, end: null };
  }

  loopTo(): void {
    const start = this.loop?.start ?? 0;
    this.loop = this.time > start + 0.2 ? { start, end: this.time } : null;
    if (this.loop) this.seek(start);
  }

  endLoop(): void {
    this.loop = null;
  }

  #setPlaying(playing: boolean): void {
    this.playing = playing;
    cancelAnimationFrame(this.#frame);
    if (playing) this.#frame = requestAnimationFrame(this.#tick);
    else this.#tell();
  }

  #tick = (): void => {
    const now = this.#element?.currentTime ?? 0;
    if (this.loop?.end && now >= this.loop.end) this.seek(this.loop.start);
    this.#emit(now);
    if (this.playing) this.#frame = requestAnimationFrame(this.#tick);
  };

  #tell(): void {
    if (!this.#element || this.#pending !== null) return;
    this.time = this.#element.currentTime;
    this.#emit(this.time);
  }

  #emit(seconds: number): void {
    for (const listener of this.#listeners) listener(seconds);
  }
}
