"""A second look at pieces that may hold a change of speaker: smaller parts of them are compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from opentranscribe.adapters.diarization.clustering import Floats
from opentranscribe.adapters.diarization.pieces import (
    SHORTEST_SECONDS,
    Piece,
    Span,
)

#: A piece whose two likeliest voices are this close is looked at again.
DOUBTFUL_MARGIN = 0.30
#: Parts are about this long.
PART_SECONDS = 0.8
#: What the whole piece sounds like counts this much beside the part: short parts are unsure.
WHOLE_WEIGHT = 0.1

EmbedPiece = Callable[[Piece], NDArray[np.float32]]


def refine_pieces(
    pieces: Sequence[Piece],
    vectors: Floats,
    labels: NDArray[np.int64],
    voices: Floats,
    embed: EmbedPiece,
) -> tuple[list[Piece], NDArray[np.int64]]:
    """Pieces and labels, with those pieces cut that turn out to hold several voices."""
    likeness = vectors @ voices.T
    doubtful = find_doubtful(pieces, likeness, labels)
    refined: list[tuple[Piece, int]] = []
    for index, piece in enumerate(pieces):
        parts = split_piece(piece) if doubtful[index] else []
        if len(parts) < 2:
            refined.append((piece, int(labels[index])))
            continue
        found = np.stack([embed(part) for part in parts]) @ voices.T
        found = found + WHOLE_WEIGHT * likeness[index]
        refined += _join_equal(parts, found.argmax(axis=1).tolist())
    refined.sort(key=lambda item: (item[0].start, item[0].track))
    return [piece for piece, _ in refined], np.array(
        [label for _, label in refined], dtype=np.int64
    )


def find_doubtful(
    pieces: Sequence[Piece], likeness: Floats, labels: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Pieces like two voices at once, or next to another voice in the same track."""
    if likeness.shape[1] < 2:
        return np.zeros(len(pieces), dtype=bool)
    best = np.sort(likeness, axis=1)
    doubtful = np.asarray(best[:, -1] - best[:, -2] < DOUBTFUL_MARGIN)
    by_track: dict[int, list[int]] = {}
    for index, piece in enumerate(pieces):
        by_track.setdefault(piece.track, []).append(index)
    for members in by_track.values():
        for left, right in pairwise(members):
            if labels[left] != labels[right]:
                doubtful[[left, right]] = True
    return doubtful


def split_piece(piece: Piece) -> list[Piece]:
    """Parts of about equal length, cut at pauses first; what is too short stays with the next."""
    parts: list[list[Span]] = []
    for start, stop in piece.spans:
        count = max(1, round((stop - start) / PART_SECONDS))
        edges = np.linspace(start, stop, count + 1).tolist()
        for span in pairwise(edges):
            if parts and _sum_seconds(parts[-1]) < SHORTEST_SECONDS:
                parts[-1].append(span)
            else:
                parts.append([span])
    if len(parts) > 1 and _sum_seconds(parts[-1]) < SHORTEST_SECONDS:
        last = parts.pop()
        parts[-1] += last
    return [Piece(piece.track, tuple(part)) for part in parts]


def _sum_seconds(spans: Sequence[Span]) -> float:
    return sum(stop - start for start, stop in spans)


def _join_equal(parts: Sequence[Piece], labels: Sequence[int]) -> list[tuple[Piece, int]]:
    joined: list[tuple[Piece, int]] = []
    for part, label in zip(parts, labels, strict=True):
        if joined and joined[-1][1] == label:
            joined[-1] = (Piece(part.track, joined[-1][0].spans + part.spans), label)
        else:
            joined.append((part, label))
    return joined
