"""Diarization: who speaks when, and what their voice is like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.progress import Progress

#: With less speech than this, strangers resemble each other.
ENOUGH_SPEECH_SECONDS = 3.0
#: Speech beyond this makes a print no better.
FULL_SPEECH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Turn:
    """``speaker`` counts from 0 in order of first speech. Turns of different speakers may overlap."""

    start: float
    end: float
    speaker: int


@dataclass(frozen=True, slots=True)
class SpeakerCount:
    """What the user knows about the number of speakers; both None means anything."""

    minimum: int | None = None
    maximum: int | None = None

    @classmethod
    def exactly(cls, count: int) -> SpeakerCount:
        return cls(count, count)


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """An L2-normalised speaker embedding, shape (dimension,), float32.

    Only prints of the same ``model`` and ``version`` may be compared.
    """

    vector: NDArray[np.float32]
    model: str
    version: str
    speech_seconds: float

    @property
    def dimension(self) -> int:
        return int(self.vector.shape[0])


@dataclass(frozen=True, slots=True)
class Diarization:
    """``voiceprints[i]`` belongs to speaker ``i``; None when they spoke too little for one."""

    turns: tuple[Turn, ...]
    voiceprints: tuple[Voiceprint | None, ...]

    @property
    def speaker_count(self) -> int:
        return len(self.voiceprints)


@dataclass(frozen=True, slots=True)
class MatchBand:
    """Cosine similarity at which two prints are surely, or perhaps, the same person."""

    same_at_least: float
    perhaps_at_least: float


class Diarizer(Protocol):
    def diarize(self, audio: Pcm, count: SpeakerCount, progress: Progress) -> Diarization:
        """Raises ModelMissingError, Cancelled (through ``progress``)."""
        ...

    def embed_speakers(
        self, audio: Pcm, spoken: Sequence[Sequence[tuple[float, float]]], progress: Progress
    ) -> tuple[Voiceprint | None, ...]:
        """Prints of speakers whose speech is known: for each its spans (start, end) in seconds,
        in order of time. None for who spoke too little. Raises as ``diarize`` does."""
        ...

    def match_band(self, model: str, version: str) -> MatchBand:
        """Calibrated thresholds of one embedding space."""
        ...

    def unload(self) -> None: ...


def mean_print(
    vectors: Sequence[NDArray[np.float32]], speech_seconds: Sequence[float]
) -> NDArray[np.float32] | None:
    """A person's voice: the mean of their prints, weighted by how much was heard, L2-normalised;
    None when they cancel each other out."""
    weights = [np.float32(min(seconds, FULL_SPEECH_SECONDS)) for seconds in speech_seconds]
    mean = np.sum([v * w for v, w in zip(vectors, weights, strict=True)], axis=0)
    length = float(np.linalg.norm(mean))
    return (mean / length).astype(np.float32) if length > 0 else None
