"""Joins the local speakers of overlapping windows into tracks, while the windows go by.

A track is one local speaker followed from window to window for as long as they agree. It says who
talks when, but not who it is: the same person has many tracks in a recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from opentranscribe.adapters.diarization.segmentation import LOCAL_SPEAKERS, WINDOW_FRAMES, Window

#: A local speaker continues a track when they share this part of the shorter one's speech.
LEAST_AGREEMENT = 0.5


@dataclass(frozen=True, slots=True)
class Run:
    """Frames [start, stop) in which a track talks; ``alone`` if nobody else does."""

    track: int
    start: int
    stop: int
    alone: bool


def iter_runs(windows: Iterable[Window]) -> Iterator[list[Run]]:
    """Runs of all tracks, in a list for each window, cut where windows begin.

    In every frame as many speakers talk as the windows see on average, and they are those whom
    most windows name. Holds one window's length of votes, whatever the length of the recording.
    """
    votes = _Votes()
    for window in windows:
        if votes.windows_seen:
            yield votes.settle(window.first_frame)
        votes.add(window)
    if votes.windows_seen:
        yield votes.settle(votes.first_frame + WINDOW_FRAMES)


class _Votes:
    """How many windows say that each live track talks, for the frames still under discussion."""

    def __init__(self) -> None:
        self.first_frame = 0
        self.windows_seen = 0
        self._tracks: list[int] = []
        self._made = 0
        self._talking = np.zeros((WINDOW_FRAMES, 0), dtype=np.float32)
        self._heard = np.zeros(WINDOW_FRAMES, dtype=np.float32)

    def add(self, window: Window) -> None:
        """``window`` begins where the settled frames end."""
        for local, column in enumerate(self._match(window.active)):
            if column is not None:
                self._talking[:, column] += window.active[:, local]
        self._heard += 1
        self.windows_seen += 1

    def settle(self, upto: int) -> list[Run]:
        """Decide the frames before ``upto`` and forget them."""
        ready = upto - self.first_frame
        active = self._decide(ready)
        alone = active & (active.sum(axis=1, keepdims=True) == 1)
        runs = [
            Run(track, self.first_frame + start, self.first_frame + stop, is_alone)
            for column, track in enumerate(self._tracks)
            for is_alone, marks in (
                (True, alone[:, column]),
                (False, active[:, column] & ~alone[:, column]),
            )
            for start, stop in find_stretches(marks)
        ]
        self._forget(ready)
        return sorted(runs, key=lambda run: (run.start, run.track))

    def _match(self, active: NDArray[np.bool_]) -> list[int | None]:
        """The column of every local speaker, new where they continue nobody; None for the silent."""
        columns: list[int | None] = [None] * LOCAL_SPEAKERS
        shares = self._talking / np.maximum(self._heard, 1)[:, None]
        local_parts = active[self._heard > 0].astype(np.float32)
        track_parts = shares[self._heard > 0]
        shared = local_parts.T @ track_parts
        shorter = np.minimum(local_parts.sum(axis=0)[:, None], track_parts.sum(axis=0))
        for local, column in zip(*linear_sum_assignment(shared, maximize=True), strict=True):
            if shared[local, column] > LEAST_AGREEMENT * shorter[local, column]:
                columns[local] = int(column)
        for local in range(LOCAL_SPEAKERS):
            if columns[local] is None and active[:, local].any():
                columns[local] = self._open_track()
        return columns

    def _open_track(self) -> int:
        self._tracks.append(self._made)
        self._made += 1
        empty = np.zeros((WINDOW_FRAMES, 1), dtype=np.float32)
        self._talking = np.concatenate([self._talking, empty], axis=1)
        return len(self._tracks) - 1

    def _decide(self, frames: int) -> NDArray[np.bool_]:
        votes = self._talking[:frames]
        talking = np.floor(votes.sum(axis=1) / np.maximum(self._heard[:frames], 1) + 0.5)
        ranks = np.argsort(np.argsort(-votes, axis=1, kind="stable"), axis=1)
        return np.asarray((ranks < talking[:, None]) & (votes > 0))

    def _forget(self, frames: int) -> None:
        left = self._talking[frames:]
        live = np.asarray(left.any(axis=0))
        gone = np.zeros((frames, int(live.sum())), dtype=np.float32)
        self._talking = np.concatenate([left[:, live], gone])
        self._heard = np.concatenate([self._heard[frames:], np.zeros(frames, dtype=np.float32)])
        self._tracks = [t for t, keep in zip(self._tracks, live.tolist(), strict=True) if keep]
        self.first_frame += frames


def find_stretches(marks: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where marks are true, as half-open ranges."""
    edges = np.flatnonzero(np.diff(marks.astype(np.int8), prepend=0, append=0))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
