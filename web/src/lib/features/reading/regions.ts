// The transcript as coloured stretches of time, for the waveform.
import type { TranscriptModel } from '$lib/transcript/model';
import type { Region } from '$lib/waveform/draw';

export function regionsOf(model: TranscriptModel): Region[] {
  return model.turns.map((turn) => ({
    start: turn.start,
    end: turn.end,
    color: turn.speakerUuid ? (model.speakers.get(turn.speakerUuid)?.color_index ?? -1) : -1
  }));
}
