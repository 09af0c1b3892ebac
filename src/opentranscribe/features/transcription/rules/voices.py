"""Whether a voice is somebody we know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opentranscribe.ports.diarization import ENOUGH_SPEECH_SECONDS, MatchBand, mean_print


@dataclass(frozen=True, slots=True)
class KnownPrint:
    """A stored voiceprint of a person, in the same embedding space as what it is compared with."""

    profile_id: int
    name: str
    vector: NDArray[np.float32]
    speech_seconds: float


@dataclass(frozen=True, slots=True)
class Resemblance:
    """``sure`` when the score is at least the band's upper edge and nobody else is nearer."""

    profile_id: int
    name: str
    score: float
    sure: bool


def recognise_voices(
    voices: Mapping[int, tuple[NDArray[np.float32], float]],
    known: Sequence[KnownPrint],
    band: MatchBand,
) -> dict[int, Resemblance]:
    """For each voice (its L2-normalised print and seconds of speech) whom it resembles, if anybody.

    A person is surely at most one voice of a recording: of several that would be, the nearest.
    """
    people = _centroids(known)
    found: dict[int, Resemblance] = {}
    for voice, (vector, seconds) in voices.items():
        if seconds < ENOUGH_SPEECH_SECONDS or not people:
            continue
        scores = {profile: float(np.dot(vector, person)) for profile, person in people.items()}
        profile = max(scores, key=lambda one: scores[one])
        if scores[profile] >= band.perhaps_at_least:
            name = next(one.name for one in known if one.profile_id == profile)
            sure = scores[profile] >= band.same_at_least
            found[voice] = Resemblance(profile, name, min(scores[profile], 1.0), sure)
    return _one_voice_per_person(found)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A person said of a voice of the same recording that it is not this one. ``heard`` are the
    spans (start, end) in seconds in which that voice spoke longest."""

    profile_id: int | None
    name: str
    heard: tuple[tuple[float, float], ...]


def is_rejected(
    one: Resemblance,
    voice: int,
    rejections: Sequence[Rejection],
    passages: Sequence[tuple[int | None, float, float]],
) -> bool:
    """True when it was said before of this voice: of (voice, start, end) in ``passages`` it has
    the most of what was ``heard`` then."""
    return any(
        (one.profile_id == said.profile_id or one.name == said.name)
        and _speaker_of(said.heard, passages) == voice
        for said in rejections
    )


def _speaker_of(
    heard: Sequence[tuple[float, float]], passages: Sequence[tuple[int | None, float, float]]
) -> int | None:
    shared: dict[int, float] = defaultdict(float)
    for voice, start, end in passages:
        if voice is not None:
            shared[voice] += sum(max(0.0, min(end, b) - max(start, a)) for a, b in heard)
    nearest = max(shared, key=lambda voice: shared[voice], default=None)
    return nearest if nearest is not None and shared[nearest] > 0 else None


def _centroids(known: Sequence[KnownPrint]) -> dict[int, NDArray[np.float32]]:
    """The mean print of each person."""
    prints: dict[int, list[KnownPrint]] = defaultdict(list)
    for one in known:
        if one.speech_seconds >= ENOUGH_SPEECH_SECONDS:
            prints[one.profile_id].append(one)
    means = {
        profile: mean_print([one.vector for one in ones], [one.speech_seconds for one in ones])
        for profile, ones in prints.items()
    }
    return {profile: mean for profile, mean in means.items() if mean is not None}


def _one_voice_per_person(found: dict[int, Resemblance]) -> dict[int, Resemblance]:
    nearest: dict[int, int] = {}
    for voice, one in found.items():
        best = nearest.get(one.profile_id)
        if best is None or one.score > found[best].score:
            nearest[one.profile_id] = voice
    return {
        voice: Resemblance(
            one.profile_id, one.name, one.score, one.sure and nearest[one.profile_id] == voice
        )
        for voice, one in found.items()
    }
