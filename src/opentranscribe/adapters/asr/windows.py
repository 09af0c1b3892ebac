"""Stretches of speech of at most thirty seconds, cut at silences, that are decoded on their own.

Whisper always looks at thirty seconds. Filling them with speech (long silences left out) and ending
them in a pause gives the accuracy of one pass from start to end, and windows that do not depend on
each other can be decoded side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opentranscribe.ports.asr import SpeechSpan
from opentranscribe.ports.audio import SAMPLE_RATE_HZ, Pcm

#: A little less than Whisper's thirty, so that the last word is never at the very edge.
LONGEST_SECONDS = 29.5
#: From here on a window may end early for the sake of a longer pause.
_FULL_ENOUGH_SECONDS = 20.0
_QUIET_SAMPLES = 400


@dataclass(frozen=True, slots=True)
class Window:
    """``pieces`` are joined without the silence between them; times in seconds of the recording."""

    index: int
    pieces: tuple[SpeechSpan, ...]

    @property
    def start(self) -> float:
        return self.pieces[0].start

    @property
    def end(self) -> float:
        return self.pieces[-1].end

    @property
    def speech_seconds(self) -> float:
        return sum(piece.end - piece.start for piece in self.pieces)

    def read(self, audio: Pcm) -> NDArray[np.float32]:
        """The joined samples, shape (n,)."""
        parts = [audio.window(piece.start, piece.end) for piece in self.pieces]
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def place(self, start: float, end: float) -> tuple[float, float]:
        """Times in the joined sound as times in the recording; both fall into one piece."""
        middle = (start + end) / 2
        before = 0.0
        for piece in self.pieces:
            length = piece.end - piece.start
            if middle < before + length or piece is self.pieces[-1]:
                first = min(max(start - before, 0.0), length)
                last = min(max(end - before, first), length)
                return round(piece.start + first, 3), round(piece.start + last, 3)
            before += length
        raise AssertionError("a window has at least one piece")


def plan_windows(speech: Sequence[SpeechSpan], audio: Pcm) -> list[Window]:
    """The same speech and sound always give the same windows."""
    pieces = [short for span in speech for short in _shorten(span, audio)]
    windows: list[Window] = []
    first = 0
    while first < len(pieces):
        last = _choose_end(pieces, first)
        windows.append(Window(len(windows), tuple(_join(pieces[first : last + 1]))))
        first = last + 1
    return windows


def _choose_end(pieces: Sequence[SpeechSpan], first: int) -> int:
    """Index of the last piece: as many as fit, less some if a longer pause comes before."""
    filled = 0.0
    best, best_gap = first, -1.0
    for index in range(first, len(pieces)):
        filled += pieces[index].end - pieces[index].start
        if filled > LONGEST_SECONDS and index > first:
            return best
        last = index + 1 == len(pieces)
        gap = float("inf") if last else pieces[index + 1].start - pieces[index].end
        if filled < _FULL_ENOUGH_SECONDS or gap >= best_gap:
            best = index
            best_gap = gap if filled >= _FULL_ENOUGH_SECONDS or last else -1.0
    return best


def _shorten(span: SpeechSpan, audio: Pcm) -> list[SpeechSpan]:
    """A span longer than a window is cut at its quietest moments."""
    pieces: list[SpeechSpan] = []
    start = span.start
    while span.end - start > LONGEST_SECONDS:
        low, high = start + _FULL_ENOUGH_SECONDS, start + LONGEST_SECONDS
        samples = audio.window(low, high)
        rows = samples[: len(samples) // _QUIET_SAMPLES * _QUIET_SAMPLES]
        energy = np.square(rows.reshape(-1, _QUIET_SAMPLES)).sum(axis=1)
        row = int(np.argmin(energy)) if len(energy) else 0
        at = low + (row + 0.5) * _QUIET_SAMPLES / SAMPLE_RATE_HZ
        pieces.append(SpeechSpan(start, at))
        start = at
    pieces.append(SpeechSpan(start, span.end))
    return pieces


def _join(pieces: Sequence[SpeechSpan]) -> list[SpeechSpan]:
    """Pieces that touch become one, so that no sample boundary is rounded in between."""
    joined: list[SpeechSpan] = []
    for piece in pieces:
        if joined and piece.start - joined[-1].end < 1e-6:
            joined[-1] = SpeechSpan(joined[-1].start, piece.end)
        else:
            joined.append(piece)
    return joined
