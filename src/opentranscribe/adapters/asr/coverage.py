"""Finds speech that got no words: Whisper sometimes leaves a passage out without any sign of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opentranscribe.adapters.asr.segments import TimedWord
from opentranscribe.adapters.asr.voice import FRAME_SECONDS, measure_samples
from opentranscribe.ports.audio import SAMPLE_RATE_HZ

#: More speech than this without a word over it is decoded again.
_TOLERATED_SECONDS = 1.0
_MARGIN_SECONDS = 0.2
_SPEECH = 0.5


def find_gaps(words: Sequence[TimedWord], duration: float) -> list[tuple[float, float]]:
    """Stretches in seconds that no word touches and that are long enough to matter."""
    gaps: list[tuple[float, float]] = []
    heard_until = 0.0
    for word in [*words, TimedWord(duration, duration, "", 1.0)]:
        if word.start - heard_until > _TOLERATED_SECONDS:
            gaps.append((heard_until, word.start))
        heard_until = max(heard_until, word.end)
    return gaps


def find_unheard(
    samples: NDArray[np.float32], words: Sequence[TimedWord]
) -> list[tuple[float, float]]:
    """The gaps in which somebody speaks for over a second, with a little sound around them."""
    duration = len(samples) / SAMPLE_RATE_HZ
    gaps = find_gaps(words, duration)
    if not gaps:
        return []
    loud = measure_samples(samples) >= _SPEECH
    unheard = []
    for start, end in gaps:
        frames = loud[int(start / FRAME_SECONDS) : int(end / FRAME_SECONDS)]
        if frames.sum() * FRAME_SECONDS > _TOLERATED_SECONDS:
            unheard.append(
                (max(0.0, start - _MARGIN_SECONDS), min(duration, end + _MARGIN_SECONDS))
            )
    return unheard
