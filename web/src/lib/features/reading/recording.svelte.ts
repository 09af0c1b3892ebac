// One recording on its page: file, transcript and work, kept fresh by live events.
import { ApiError, messageOf, request } from '$lib/api/client';
import type { FileDetail, JobView, Transcript, Waveform } from '$lib/api/types';
import { isUnderWay } from '$lib/features/library/status';
import type { LiveEvents } from '$lib/live/events';
import { live } from '$lib/live/socket.svelte';
import { TranscriptModel } from '$lib/transcript/model';

const WAVEFORM_SAMPLES = 1600;
const DRAFT_EVERY_MS = 1500;

export class Recording {
  file = $state<FileDetail | null>(null);
  model = $state.raw<TranscriptModel | null>(null);
  job = $state<JobView | null>(null);
  peaks = $state.raw<number[][]>([]);
  state = $state<'loading' | 'ready' | 'missing' | 'failed'>('loading');
  error = $state('');
  /** While true, changes from elsewhere wait, so that nothing moves under the cursor. */
  editing = false;
  #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #stale = false;

  constructor(readonly uuid: string) {}

  get underWay(): boolean {
    return this.file !== null && isUnderWay(this.file.status);
  }

  async load(): Promise<void> {
    try {
      const [file, transcript] = await Promise.all([
        request<FileDetail>('GET', `/files/${this.uuid}`),
        request<Transcript>('GET', `/files/${this.uuid}/transcript`)
      ]);
      this.file = file;
      this.job = file.job;
      this.model = new TranscriptModel(transcript);
      this.state = 'ready';
      void this.#loadExtras();
    } catch (error) {
      const missing = error instanceof ApiError && (error.status === 404 || error.status === 422);
      this.error = messageOf(error);
      if (this.state !== 'ready') this.state = missing ? 'missing' : 'failed';
    }
  }

  async reloadTranscript(): Promise<void> {
    if (this.editing) {
      this.#stale = true;
      return;
    }
    try {
      const path = `/files/${this.uuid}/transcript`;
      this.model = new TranscriptModel(await request<Transcript>('GET', path));
      if (this.peaks.length === 0) void this.#loadExtras();
    } catch (error) {
      this.error = messageOf(error);
    }
  }

  async reloadFile(): Promise<void> {
    try {
      this.file = await request<FileDetail>('GET', `/files/${this.uuid}`);
      this.job = this.file.job;
      if (this.peaks.length === 0) void this.#loadExtras();
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.state = 'missing';
    }
  }

  setEditing(editing: boolean): void {
    this.editing = editing;
    if (editing || !this.#stale) return;
    this.#stale = false;
    void this.reloadTranscript();
  }

  follow(): () => void {
    const mine = (run: () => void) => (data: { file_id: string }) => {
      if (data.file_id === this.uuid) run();
    };
    const stops = [
      live.on('reconnected', () => void this.load()),
      live.on('transcription_status', (data) => this.#progressed(data)),
      live.on(
        'file_deleted',
        mine(() => (this.state = 'missing'))
      ),
      live.on(
        'file_updated',
        mine(() => this.#soon('file', 200, () => this.reloadFile()))
      ),
      live.on(
        'transcript_draft',
        mine(() => this.#later())
      ),
      live.on('transcript_changed', (data) => {
        const known = this.model?.source.revision ?? -1;
        if (data.file_id !== this.uuid || (data.revision !== undefined && data.revision <= known))
          return;
        this.#soon('text', 300, () => this.reloadTranscript());
      }),
      live.on(
        'speaker_updated',
        mine(() => this.#soon('text', 300, () => this.reloadTranscript()))
      )
    ];
    return () => {
      stops.forEach((stop) => stop());
      this.#timers.forEach((timer) => clearTimeout(timer));
    };
  }

  #later(): void {
    this.#soon('text', DRAFT_EVERY_MS, () => this.reloadTranscript());
  }

  #progressed(data: LiveEvents['transcription_status']): void {
    if (data.file_id !== this.uuid || !this.file) return;
    const before = this.file.status;
    this.file.status = data.status;
    if (this.job) {
      this.job.progress = data.progress / 100;
      this.job.eta_seconds = data.eta_seconds ?? null;
      this.job.message = data.message ?? null;
      if (data.steps?.length) this.job.steps = data.steps;
    } else this.#soon('file', 200, () => this.reloadFile());
    if (before === data.status) return;
    this.#soon('file', 100, () => this.reloadFile());
    this.#soon('text', 100, () => this.reloadTranscript());
  }

  async #loadExtras(): Promise<void> {
    if (this.underWay) await this.#loadJob();
    // Peaks come with the first words; before that there is nothing to ask for.
    if (this.underWay && !this.model?.segments.length) return;
    try {
      const query = { samples: WAVEFORM_SAMPLES };
      const wave = await request<Waveform>('GET', `/files/${this.uuid}/waveform`, { query });
      this.peaks = wave.peaks;
    } catch {
      // The waveform is drawn once the sound was read; the bar works without it.
    }
  }

  async #loadJob(): Promise<void> {
    try {
      this.job = await request<JobView>('GET', `/files/${this.uuid}/job`);
    } catch {
      // The summary that came with the file is shown instead.
    }
  }

  #soon(key: string, milliseconds: number, run: () => Promise<void>): void {
    if (this.#timers.has(key)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      void run();
    }, milliseconds);
    this.#timers.set(key, timer);
  }
}
