"""Cuts tracks into pieces of one voice, short enough that a wrong turn spoils little."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opentranscribe.adapters.diarization.features import FRAMES_PER_SECOND, compute_mel_energies
from opentranscribe.adapters.diarization.segmentation import FIRST_CENTRE_SECONDS, FRAME_SECONDS
from opentranscribe.adapters.diarization.sessions import Networks
from opentranscribe.adapters.diarization.tracks import Run
from opentranscribe.ports.audio import Pcm

#: A piece holds at most this much speech,
LONGEST_SECONDS = 2.4
#: with no pause longer than this in it.
WIDEST_PAUSE_SECONDS = 1.0
#: Less than this says more about the words than about the voice.
SHORTEST_SECONDS = 0.3

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Piece:
    """Speech of one track in ``spans`` of seconds."""

    track: int
    spans: tuple[Span, ...]

    @property
    def seconds(self) -> float:
        return sum(stop - start for start, stop in self.spans)

    @property
    def start(self) -> float:
        return self.spans[0][0]

    @property
    def stop(self) -> float:
        return self.spans[-1][1]


def to_seconds(frame: int) -> float:
    """Where a frame begins: half a frame before its centre; the first begins with the recording."""
    return 0.0 if frame == 0 else FIRST_CENTRE_SECONDS + (frame - 0.5) * FRAME_SECONDS


def join_spans(runs: Iterable[Run]) -> list[Span]:
    """Seconds of the runs of one track in order, where they touch joined again."""
    spans: list[Span] = []
    for run in runs:
        start, stop = to_seconds(run.start), to_seconds(run.stop)
        if spans and start - spans[-1][1] < FRAME_SECONDS / 2:
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    return spans


def cut_pieces(runs: Sequence[Run]) -> list[Piece]:
    """Pieces in order of time, of what each track says alone.

    A track that never talks alone for long enough gives one piece of all that it says.
    """
    by_track: dict[int, list[Run]] = {}
    for run in runs:
        by_track.setdefault(run.track, []).append(run)
    pieces: list[Piece] = []
    for track, own in by_track.items():
        found = cut_spans(track, join_spans(run for run in own if run.alone))
        if not found:
            found = cut_spans(track, join_spans(own))[:1]
        pieces += found
    return sorted(pieces, key=lambda piece: (piece.start, piece.track))


def cut_spans(track: int, spans: Sequence[Span]) -> list[Piece]:
    """Pieces of the speech in ``spans``, which are in order of time."""
    groups: list[list[Span]] = []
    for start, stop in spans:
        if groups and start - groups[-1][-1][1] < WIDEST_PAUSE_SECONDS:
            groups[-1].append((start, stop))
        else:
            groups.append([(start, stop)])
    pieces = [Piece(track, tuple(part)) for group in groups for part in _split(group)]
    return [piece for piece in pieces if piece.seconds >= SHORTEST_SECONDS]


def _split(group: Sequence[Span]) -> list[list[Span]]:
    """Into parts of equal speech, as few as the longest piece allows."""
    total = sum(stop - start for start, stop in group)
    share = total / max(1, -(-total // LONGEST_SECONDS))
    parts: list[list[Span]] = [[]]
    left = share
    for start, stop in group:
        begin = start
        while stop - begin > left + 1e-6:
            parts[-1].append((begin, begin + left))
            begin, left = begin + left, share
            parts.append([])
        parts[-1].append((begin, stop))
        left -= stop - begin
    return [part for part in parts if part]


def embed_piece(networks: Networks, audio: Pcm, piece: Piece) -> NDArray[np.float32]:
    """The voice of a piece as a vector of length one, shape (192,)."""
    energies = np.concatenate(
        [compute_mel_energies(audio.window(start, stop)) for start, stop in piece.spans]
    )
    if energies.shape[0] < SHORTEST_SECONDS * FRAMES_PER_SECOND / 2:
        middle = (piece.start + piece.stop) / 2
        half = SHORTEST_SECONDS / 2
        energies = compute_mel_energies(audio.window(max(0.0, middle - half), middle + half))
    if not energies.shape[0]:
        return np.zeros(192, dtype=np.float32)
    vector = networks.embed((energies - energies.mean(axis=0))[None])[0]
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)
