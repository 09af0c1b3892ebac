"""A diarizer that hears what it was told to: for tests that are about everything else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.diarization import (
    Diarization,
    MatchBand,
    SpeakerCount,
    Turn,
    Voiceprint,
)
from opentranscribe.ports.progress import Progress

MODEL = "scripted"
MODEL_VERSION = "1"
DIMENSION = 192


class ScriptedDiarizer:
    """``speakers`` people take turns of ``turn_seconds`` to the end of the recording.

    ``voices`` says whose voice each speaker has, by number: the same number is the same person in
    every recording. Without it speaker i has voice i. The same call always gives the same answer.
    """

    def __init__(
        self,
        speakers: int = 2,
        *,
        turn_seconds: float = 4.0,
        voices: Sequence[int] | None = None,
    ) -> None:
        self._speakers = speakers
        self._turn_seconds = turn_seconds
        self._voices = voices or range(speakers)

    def diarize(self, audio: Pcm, count: SpeakerCount, progress: Progress) -> Diarization:
        duration = audio.duration_seconds
        speakers = min(max(self._speakers, count.minimum or 1), count.maximum or self._speakers)
        turns: list[Turn] = []
        while (start := len(turns) * self._turn_seconds) < duration:
            end = min(start + self._turn_seconds, duration)
            turns.append(Turn(start, end, len(turns) % speakers))
            progress(end / duration)
        heard = min(speakers, len(turns))
        seconds = [sum(t.end - t.start for t in turns if t.speaker == s) for s in range(heard)]
        prints = tuple(self._print(speaker, spoken) for speaker, spoken in enumerate(seconds))
        return Diarization(tuple(turns), prints)

    def embed_speakers(
        self, audio: Pcm, spoken: Sequence[Sequence[tuple[float, float]]], progress: Progress
    ) -> tuple[Voiceprint | None, ...]:
        progress(1.0)
        seconds = [sum(end - start for start, end in spans) for spans in spoken]
        return tuple(
            self._print(who, spent) if spent else None for who, spent in enumerate(seconds)
        )

    def match_band(self, model: str, version: str) -> MatchBand:
        return MatchBand(same_at_least=0.9, perhaps_at_least=0.5)

    def unload(self) -> None:
        """Nothing is held."""

    def _print(self, speaker: int, seconds: float) -> Voiceprint:
        voice = self._voices[speaker % len(self._voices)]
        vector = np.zeros(DIMENSION, dtype=np.float32)
        vector[voice % DIMENSION] = 1.0
        return Voiceprint(vector, MODEL, MODEL_VERSION, seconds)
