"""The diarization error rate of a result against a reference.

As in the NIST Rich Transcription evaluations: (missed + false + confused speech) / speech of the
reference, speakers mapped one to one as well as possible, nothing scored within a collar around
the boundaries of the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True, slots=True)
class Spoken:
    """One stretch of speech of one speaker, in seconds."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True, slots=True)
class DiarizationError:
    """Seconds of each kind of error, and of speech that was scored."""

    missed: float
    false: float
    confused: float
    total: float

    @property
    def rate(self) -> float:
        return (self.missed + self.false + self.confused) / self.total if self.total else 0.0


def read_rttm(path: Path) -> list[Spoken]:
    """The SPEAKER lines of a NIST RTTM file."""
    rows = [line.split() for line in path.read_text().splitlines()]
    return [
        Spoken(float(row[3]), float(row[3]) + float(row[4]), row[7])
        for row in rows
        if row and row[0] == "SPEAKER"
    ]


def measure_error(
    reference: Sequence[Spoken], found: Sequence[Spoken], collar_seconds: float = 0.25
) -> DiarizationError:
    """Overlapped speech is scored; the collar lies on both sides of each boundary."""
    edges = _collect_edges(reference, found, collar_seconds)
    middles = (edges[1:] + edges[:-1]) / 2
    lengths = np.diff(edges) * ~_in_collar(middles, reference, collar_seconds)
    truth, result = _mark(middles, reference), _mark(middles, found)
    together = truth.astype(float).T @ (result * lengths[:, None])
    rows, columns = linear_sum_assignment(together, maximize=True)
    correct = float(together[rows, columns].sum())
    speakers, answers = truth.sum(axis=1), result.sum(axis=1)
    both = float((np.minimum(speakers, answers) * lengths).sum())
    return DiarizationError(
        missed=float((np.maximum(speakers - answers, 0) * lengths).sum()),
        false=float((np.maximum(answers - speakers, 0) * lengths).sum()),
        confused=both - correct,
        total=float((speakers * lengths).sum()),
    )


def _collect_edges(
    reference: Sequence[Spoken], found: Sequence[Spoken], collar: float
) -> NDArray[np.float64]:
    edges = {time for part in (*reference, *found) for time in (part.start, part.end)}
    bounds = {time for part in reference for time in (part.start, part.end)}
    edges |= {time + side for time in bounds for side in (-collar, collar)}
    return np.array(sorted(edges))


def _in_collar(
    times: NDArray[np.float64], reference: Sequence[Spoken], collar: float
) -> NDArray[np.bool_]:
    bounds = np.array([time for part in reference for time in (part.start, part.end)])
    return np.asarray((np.abs(times[:, None] - bounds) < collar).any(axis=1))


def _mark(times: NDArray[np.float64], parts: Sequence[Spoken]) -> NDArray[np.bool_]:
    """Which speaker (column) talks at each time (row)."""
    speakers = sorted({part.speaker for part in parts})
    marks = np.zeros((len(times), len(speakers)), dtype=bool)
    for part in parts:
        marks[(times >= part.start) & (times < part.end), speakers.index(part.speaker)] = True
    return marks
