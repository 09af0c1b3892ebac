"""Which voice each piece has: its own sound, and that of the same track around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opentranscribe.adapters.diarization.clustering import Floats
from opentranscribe.adapters.diarization.pieces import Piece

#: What the track's sound nearby is worth beside the piece's own.
TRACK_WEIGHT = 0.1
#: Nearby means this far, with less and less weight.
REACH_SECONDS = 2.0
ROUNDS = 3


def assign_voices(
    pieces: Sequence[Piece], vectors: Floats, voices: Floats
) -> tuple[NDArray[np.int64], Floats]:
    """A voice for every piece, (n,), and the voices again as means of what they were given."""
    if not pieces or not len(voices):
        return np.zeros(len(pieces), dtype=np.int64), voices
    seconds = np.array([piece.seconds for piece in pieces])
    labels = np.zeros(len(pieces), dtype=np.int64)
    for _ in range(ROUNDS):
        likeness = vectors @ voices.T * seconds[:, None]
        labels = _spread(pieces, likeness).argmax(axis=1)
        voices = mean_voices(vectors, seconds, labels, voices)
    return labels, voices


def mean_voices(vectors: Floats, seconds: Floats, labels: NDArray[np.int64], old: Floats) -> Floats:
    """Duration-weighted means of length one; a voice that was given nothing stays as it was."""
    voices = old.copy()
    for voice in range(len(old)):
        own = labels == voice
        total = (vectors[own] * seconds[own, None]).sum(axis=0)
        if (length := float(np.linalg.norm(total))) > 0:
            voices[voice] = total / length
    return voices


def _spread(pieces: Sequence[Piece], likeness: Floats) -> Floats:
    """Add to each piece what its neighbours in the same track sound like."""
    result = likeness.copy()
    by_track: dict[int, list[int]] = {}
    for index, piece in enumerate(pieces):
        by_track.setdefault(piece.track, []).append(index)
    for members in by_track.values():
        rows = np.array(members)
        starts = np.array([pieces[i].start for i in members])
        stops = np.array([pieces[i].stop for i in members])
        gaps = np.maximum(starts[:, None] - stops, starts - stops[:, None]).clip(min=0.0)
        weights = TRACK_WEIGHT * np.clip(1 - gaps / REACH_SECONDS, 0.0, None)
        np.fill_diagonal(weights, 1.0)
        result[rows] = weights @ likeness[rows]
    return result
