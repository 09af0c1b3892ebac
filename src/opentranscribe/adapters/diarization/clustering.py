"""How many voices there are: agglomerative clustering that knows how far short speech can be trusted.

An embedding of d seconds of speech has a squared correlation with the voice of about
``QUALITY / (1 + HALF_SECONDS / d)``. Clusters are compared by the cosine of their duration-weighted
sums, divided by that reliability: a score near 1 for the same voice whatever the durations. The
number of speakers is read off the largest step in the scores of the last merges, not from a single
threshold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from opentranscribe.ports.diarization import SpeakerCount

Floats = NDArray[np.float64]

QUALITY = 0.95
HALF_SECONDS = 0.9
#: Merges above this score are certain, those below the other certainly wrong.
SURE_SCORE = 0.70
NEVER_SCORE = 0.45
#: This part of all pairs is surely of different speakers, and scores this in wide-band sound.
UNLIKE_QUANTILE = 0.10
UNLIKE_SCORE = -0.05
LARGEST_SHIFT = 0.45
#: A voice heard for less than this part of the speech is not a speaker by itself, within bounds:
#: so little is noise in a short recording and may be a guest's only sentence in a long one.
LEAST_SHARE = 0.02
LEAST_SECONDS = 1.5
ENOUGH_SECONDS = 6.0
#: Embeddings that start clusters; shorter ones only join.
SEED_SECONDS = 1.2
#: At most this many clusters are compared with each other, which bounds time and memory.
BLOCK_ITEMS = 400


@dataclass(frozen=True, slots=True)
class Clusters:
    """``sums`` are duration-weighted sums of unit vectors, (k, d); ``seconds`` may be trusted."""

    sums: Floats
    seconds: Floats
    shift: float = 0.0

    def __len__(self) -> int:
        return int(self.sums.shape[0])

    def take(self, rows: NDArray[np.intp]) -> Clusters:
        return Clusters(self.sums[rows], self.seconds[rows], self.shift)

    @property
    def directions(self) -> Floats:
        return np.asarray(self.sums / np.linalg.norm(self.sums, axis=1, keepdims=True))

    def join(self, other: Clusters) -> Clusters:
        return Clusters(
            np.concatenate([self.sums, other.sums]),
            np.concatenate([self.seconds, other.seconds]),
            self.shift,
        )


def find_voices(vectors: Floats, seconds: Floats, count: SpeakerCount) -> Floats:
    """Directions of the voices, (k, d), from unit vectors (n, d) and what each was made from.

    Items in order of time. Zero items give zero voices.
    """
    order = _choose_seeds(seconds, count)
    items = Clusters(vectors[order] * seconds[order, None], seconds[order])
    items = replace(items, shift=_measure_shift(items))
    if not len(items):
        return np.zeros((0, vectors.shape[1]))
    least = count.minimum or 1
    candidates = _condense(items, max(least, 2))
    rest = np.setdiff1d(np.arange(len(seconds)), order)
    short = Clusters(vectors[rest] * seconds[rest, None], seconds[rest], items.shift)
    voices = _drop_minor(candidates, _count_support(candidates, short), least)
    merged, scores = _merge_down(voices, least, -np.inf)
    wanted = _choose_count(len(voices), scores, count)
    if wanted > len(merged):
        merged, _ = _merge_down(voices, wanted, -np.inf)
    return merged.directions


def _measure_shift(items: Clusters) -> float:
    """How much alike all voices are made by the channel, such as a telephone's.

    Read off the least similar pairs, which are of different speakers where there are several;
    bounded for when there are not.
    """
    rows = np.linspace(0, len(items) - 1, min(len(items), BLOCK_ITEMS)).round().astype(int)
    sample = items.take(rows)
    table = _compare(sample.sums, sample.seconds, sample.sums, sample.seconds, 0.0)
    pairs = table[np.triu_indices(len(sample), 1)]
    if not pairs.size:
        return 0.0
    usual = float(np.quantile(pairs, UNLIKE_QUANTILE)) - UNLIKE_SCORE
    return min(max(usual, 0.0), LARGEST_SHIFT)


def _choose_seeds(seconds: Floats, count: SpeakerCount) -> NDArray[np.intp]:
    """Items long enough to start a cluster; shorter ones only when there are too few of those."""
    for shortest in (SEED_SECONDS, SEED_SECONDS / 2, 0.0):
        found = np.flatnonzero(seconds > shortest)
        if found.size >= 2 * (count.minimum or 1):
            return found
    return np.flatnonzero(seconds > 0)


def _condense(items: Clusters, least: int) -> Clusters:
    """Merge what is certainly the same voice, in blocks while there are many."""
    while len(items) > BLOCK_ITEMS:
        starts = range(0, len(items), BLOCK_ITEMS)
        parts = [
            _merge_down(items.take(np.arange(s, min(s + BLOCK_ITEMS, len(items)))), 1, SURE_SCORE)
            for s in starts
        ]
        joined = parts[0][0]
        for part, _ in parts[1:]:
            joined = joined.join(part)
        if len(joined) > 0.9 * len(items):
            joined = _keep_longest(joined)
        items = joined
    return _merge_down(items, least, SURE_SCORE)[0]


def _keep_longest(items: Clusters) -> Clusters:
    """When nothing is alike, the longest speech says most about who is there."""
    return items.take(np.sort(np.argsort(-items.seconds, kind="stable")[:BLOCK_ITEMS]))


def _count_support(candidates: Clusters, short: Clusters) -> Floats:
    """Seconds of each candidate, with those of the short pieces that are like it."""
    support = candidates.seconds.copy()
    if len(short) and len(candidates):
        table = _compare(
            short.sums, short.seconds, candidates.sums, candidates.seconds, candidates.shift
        )
        alike = table.max(axis=1) >= NEVER_SCORE
        np.add.at(support, table.argmax(axis=1)[alike], short.seconds[alike])
    return support


def _drop_minor(candidates: Clusters, support: Floats, least: int) -> Clusters:
    share = LEAST_SHARE * float(support.sum())
    bound = min(max(share, LEAST_SECONDS), ENOUGH_SECONDS)
    order = np.argsort(-support, kind="stable")
    kept = max(least, 1, int((support >= bound).sum()))
    return candidates.take(np.sort(order[:kept]))


def _merge_down(clusters: Clusters, least: int, lowest: float) -> tuple[Clusters, list[float]]:
    """Join the most similar pair again and again, down to ``least`` clusters or score ``lowest``.

    Returns the clusters and the score of every merge.
    """
    sums, seconds = clusters.sums.copy(), clusters.seconds.copy()
    alive = np.ones(len(sums), dtype=bool)
    scores: list[float] = []
    table = _compare(sums, seconds, sums, seconds, clusters.shift)
    np.fill_diagonal(table, -np.inf)
    while alive.sum() > max(least, 1):
        first, second = np.unravel_index(int(table.argmax()), table.shape)
        if table[first, second] < lowest:
            break
        scores.append(float(table[first, second]))
        sums[first] += sums[second]
        seconds[first] += seconds[second]
        alive[second] = False
        table[second], table[:, second] = -np.inf, -np.inf
        one = slice(first, first + 1)
        row = _compare(sums[one], seconds[one], sums, seconds, clusters.shift)[0]
        row[~alive] = -np.inf
        row[first] = -np.inf
        table[first], table[:, first] = row, row
    return Clusters(sums[alive], seconds[alive], clusters.shift), scores


def _compare(
    sums: Floats, seconds: Floats, others: Floats, other_seconds: Floats, shift: float
) -> Floats:
    """Cosine of the sums, corrected for how reliable short speech is."""
    left = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    right = others / np.linalg.norm(others, axis=1, keepdims=True)
    trust = np.sqrt(_reliability(seconds)[:, None] * _reliability(other_seconds))
    return np.asarray(((left @ right.T) / trust - shift) / (1 - shift))


def _reliability(seconds: Floats) -> Floats:
    return np.asarray(QUALITY / (1 + HALF_SECONDS / np.maximum(seconds, 0.1)))


def _choose_count(candidates: int, scores: list[float], count: SpeakerCount) -> int:
    """Stop before the largest drop among the merges that are neither certain nor certainly wrong."""
    falling = np.minimum.accumulate([SURE_SCORE, *scores, NEVER_SCORE])
    falling = np.clip(falling, NEVER_SCORE, SURE_SCORE)
    merges = int(np.argmax(falling[:-1] - falling[1:]))
    low = count.minimum or 1
    high = count.maximum or candidates
    return min(max(candidates - merges, low), high)
