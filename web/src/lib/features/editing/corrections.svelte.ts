// Corrections of one recording: each is an operation on the server that can be undone.
import { messageOf, request } from '$lib/api/client';
import type { Edit, SegmentEdited, Speaker, SpeakerChanged } from '$lib/api/types';
import type { Recording } from '$lib/features/reading/recording.svelte';
import { m } from '$lib/i18n';
import { toasts } from '$lib/ui/toasts.svelte';

export class Corrections {
  list = $state<Edit[]>([]);
  constructor(readonly recording: Recording) {}

  async load(): Promise<void> {
    try {
      const path = `/files/${this.recording.uuid}/edits`;
      const answer = await request<Edit[] | { items: Edit[] }>('GET', path);
      this.list = Array.isArray(answer) ? answer : answer.items;
    } catch {
      // The history is a list to look at; the next correction asks for it again.
    }
  }

  /** True when saved (or nothing was different); a failure is told and keeps the text. */
  async correct(segmentUuid: string, text: string): Promise<boolean> {
    const path = `/files/${this.recording.uuid}/transcript/segments/${segmentUuid}`;
    return this.#run(async () => {
      const { segment, edit } = await request<SegmentEdited>('PUT', path, { body: { text } });
      this.#put(segment);
      if (edit) this.#offerUndo(m.file.saved, edit);
    });
  }

  async give(segmentUuid: string, speakerUuid: string | null): Promise<boolean> {
    return this.#run(async () => {
      const path = `/transcripts/segments/${segmentUuid}/speaker`;
      const body = { speaker_uuid: speakerUuid };
      const { segment, edit } = await request<SegmentEdited>('PUT', path, { body });
      this.#put(segment);
      if (edit) this.#offerUndo(m.file.speakerChanged, edit);
    });
  }

  async rename(speaker: Speaker, name: string, scope: 'file' | 'everywhere'): Promise<boolean> {
    return this.#run(async () => {
      const body = { display_name: name, scope };
      const answer = await request<SpeakerChanged>('PUT', `/speakers/${speaker.uuid}`, { body });
      await this.recording.reloadTranscript();
      const said = m.file.renamed(answer.speaker.name, answer.changed_files);
      if (answer.edit) this.#offerUndo(said, answer.edit);
      else toasts.show(said);
    });
  }

  /** The voice is not the one it resembles; it is not said to be again. */
  async reject(speaker: Speaker): Promise<boolean> {
    return this.#run(async () => {
      const path = `/speakers/${speaker.uuid}/verify`;
      const answer = await request<SpeakerChanged>('POST', path, { query: { action: 'reject' } });
      await this.recording.reloadTranscript();
      if (answer.edit) this.#offerUndo(m.file.rejected(speaker.suggested_name ?? ''), answer.edit);
    });
  }

  async merge(from: Speaker, into: Speaker): Promise<boolean> {
    return this.#run(async () => {
      const path = `/speakers/${from.uuid}/merge/${into.uuid}`;
      const answer = await request<{ edit?: Edit | null }>('POST', path);
      await this.recording.reloadTranscript();
      if (answer.edit) this.#offerUndo(m.file.merged, answer.edit);
      else toasts.show(m.file.merged);
    });
  }

  async addSpeaker(): Promise<string | null> {
    let added: string | null = null;
    await this.#run(async () => {
      const path = `/files/${this.recording.uuid}/speakers`;
      const speaker = await request<{ uuid: string }>('POST', path, { body: {} });
      added = speaker.uuid;
      await this.recording.reloadTranscript();
    });
    return added;
  }

  undoLast(): Promise<boolean> | null {
    const last = this.list.find((edit) => !edit.undone_at);
    return last ? this.undo(last) : null;
  }

  redoLast(): Promise<boolean> | null {
    const undone = this.list.filter((edit) => edit.undone_at);
    undone.sort((a, b) => (b.undone_at ?? '').localeCompare(a.undone_at ?? ''));
    return undone.length ? this.redo(undone[0]) : null;
  }

  undo(edit: Edit): Promise<boolean> {
    return this.#turn(edit, 'undo', m.file.undone);
  }

  redo(edit: Edit): Promise<boolean> {
    return this.#turn(edit, 'redo', m.file.redone);
  }

  #turn(edit: Edit, way: 'undo' | 'redo', said: string): Promise<boolean> {
    return this.#run(async () => {
      await request('POST', `/files/${this.recording.uuid}/edits/${edit.uuid}/${way}`);
      await this.recording.reloadTranscript();
      toasts.show(said);
    });
  }

  #put(segment: SegmentEdited['segment']): void {
    this.recording.model = this.recording.model?.replaceSegment(segment) ?? null;
  }

  #offerUndo(said: string, edit: Edit): void {
    toasts.show(said, { label: m.shell.undo, run: () => void this.undo(edit) });
  }

  async #run(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      void this.load();
      return true;
    } catch (error) {
      toasts.fail(messageOf(error));
      return false;
    }
  }
}
