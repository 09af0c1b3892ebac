"""Stretches of speech, cut at long pauses, that are decoded independently of each other.

Within a window Whisper goes on where it stopped being sure, as in one pass from start to end, which
keeps its accuracy; the windows themselves can be decoded side by side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opentranscribe.ports.asr import SpeechSpan
from opentranscribe.ports.audio import SAMPLE_RATE_HZ, Pcm

#: The first window fits one pass, so that the first text comes early.
_FIRST_SECONDS = 29.5
#: A recording gives at least this many windows while they are not too short to fill a pass.
_FEWEST = 4
_LONGEST_SECONDS = 75.0
#: A window may end early, at this share of its length, for the sake of a longer pause.
_EARLY_SHARE = 0.75
#: Room around the even length to find a good pause in.
_EVEN_SLACK = 1.15
#: Pauses up to this length stay in the sound: they tell Whisper where sentences end.
_KEPT_PAUSE_SECONDS = 2.0
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
    total = sum(piece.end - piece.start for piece in pieces)
    usual = _even_length(total)
    windows: list[Window] = []
    first = 0
    while first < len(pieces):
        last = _choose_end(pieces, first, usual if windows else min(usual, _FIRST_SECONDS))
        windows.append(Window(len(windows), tuple(_join(pieces[first : last + 1]))))
        first = last + 1
    return windows


def _even_length(total_seconds: float) -> float:
    """How long windows may be, so that all are of about one length and none is a small rest."""
    longest = min(max(total_seconds / _FEWEST, _FIRST_SECONDS), _LONGEST_SECONDS)
    count = max(1, math.ceil(total_seconds / longest))
    return min(longest, total_seconds / count * _EVEN_SLACK)


def _choose_end(pieces: Sequence[SpeechSpan], first: int, longest: float) -> int:
    """Index of the last piece: as many as fit, less some if a longer pause comes before."""
    best, best_gap = first, -1.0
    for index in range(first, len(pieces)):
        if index > first and _joined_seconds(pieces[first : index + 1]) > longest:
            return best
        if index + 1 == len(pieces):
            return index
        gap = pieces[index + 1].start - pieces[index].end
        early = _joined_seconds(pieces[first : index + 1]) < longest * _EARLY_SHARE
        if early or gap >= best_gap:
            best, best_gap = index, (-1.0 if early else gap)
    return best


def _joined_seconds(pieces: Sequence[SpeechSpan]) -> float:
    return sum(piece.end - piece.start for piece in _join(pieces))


def _shorten(span: SpeechSpan, audio: Pcm) -> list[SpeechSpan]:
    """A span longer than a window is cut at its quietest moments."""
    pieces: list[SpeechSpan] = []
    start = span.start
    while span.end - start > _FIRST_SECONDS:
        low, high = start + _FIRST_SECONDS * _EARLY_SHARE, start + _FIRST_SECONDS
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
    """Pieces with a short pause between them become one that contains the pause."""
    joined: list[SpeechSpan] = []
    for piece in pieces:
        if joined and piece.start - joined[-1].end < _KEPT_PAUSE_SECONDS:
            joined[-1] = SpeechSpan(joined[-1].start, piece.end)
        else:
            joined.append(piece)
    return joined
