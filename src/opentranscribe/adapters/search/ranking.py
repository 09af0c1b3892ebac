"""From chunks that match to files in order: who comes first, and with which moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opentranscribe.adapters.search.matching import Matches, top
from opentranscribe.adapters.search.postings import Integers
from opentranscribe.adapters.search.space import Space

#: A file's score grows with further matches, each counting less.
FURTHER_MATCH = 0.35
SCORED_MATCHES = 10
#: Further matches are looked for among the best chunks of all; of the rest only a file's best one
#: counts.
BEST = 2000


@dataclass(frozen=True, slots=True)
class RankedFile:
    """``best`` are the numbers of its best chunks, best first, and their scores."""

    file_id: int
    score: float
    match_count: int
    best: tuple[tuple[int, float], ...]


def rank_files(
    space: Space, matches: Matches, first: int, most: int, chunks_each: int
) -> list[RankedFile]:
    """``most`` files from the ``first`` on, in order of their scores."""
    files, starts, ends = files_of(space, matches)
    scores = _file_scores(space, matches, files, starts)
    ranked = []
    for at in np.argsort(-scores, kind="stable")[first : first + most].tolist():
        numbers = matches.numbers[starts[at] : ends[at]]
        of_file = matches.scores[starts[at] : ends[at]]
        best = np.argsort(-of_file, kind="stable")[:chunks_each]
        ranked.append(
            RankedFile(
                file_id=int(space.files[files[at]]),
                score=float(scores[at]),
                match_count=len(numbers),
                best=tuple(zip(numbers[best].tolist(), of_file[best].tolist(), strict=True)),
            )
        )
    return ranked


def files_of(space: Space, matches: Matches) -> tuple[Integers, Integers, Integers]:
    """Which files have matches, and between which bounds their matches are."""
    bounds = np.searchsorted(matches.numbers, np.append(space.first, space.size))
    files = np.flatnonzero(np.diff(bounds))
    return files, bounds[files], bounds[files + 1]


def _file_scores(
    space: Space, matches: Matches, files: Integers, starts: Integers
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if not len(files):
        return np.empty(0)
    scores = np.maximum.reduceat(matches.scores, starts)
    best = top(matches, BEST)
    at = np.searchsorted(files, space.file_of(best.numbers))
    order = np.lexsort((-best.scores, at))
    at, by_file = at[order], best.scores[order]
    groups = np.flatnonzero(np.diff(at, prepend=-1))
    rank = np.arange(len(at)) - np.repeat(groups, np.diff(groups, append=len(at)))
    weights = np.where(rank < SCORED_MATCHES, FURTHER_MATCH**rank, 0.0)
    scores[at[groups]] = np.add.reduceat(by_file * weights, groups)
    return scores
