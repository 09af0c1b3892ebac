"""Stored peaks (50 pairs a second) thinned to as many as a page has room for."""

from __future__ import annotations

import numpy as np

PAIRS_PER_SECOND = 50
#: A quieter recording than this is not blown up to full height.
QUIETEST_FULL_SCALE = 0.05


def thin_peaks(raw: bytes, count: int) -> list[list[float]]:
    """``raw`` is little-endian int16 (minimum, maximum) pairs; at most ``count`` pairs come back,
    scaled so that the loudest reaches ±1, shape (≤ count, 2)."""
    pairs = np.frombuffer(raw[: len(raw) // 4 * 4], dtype="<i2").reshape(-1, 2).astype(np.float32)
    if not len(pairs):
        return []
    edges = np.unique(np.linspace(0, len(pairs), min(count, len(pairs)) + 1).astype(np.int64)[:-1])
    lows = np.minimum.reduceat(pairs[:, 0], edges)
    highs = np.maximum.reduceat(pairs[:, 1], edges)
    scale = max(float(np.abs(pairs).max()), QUIETEST_FULL_SCALE * 32768)
    thinned = np.clip(np.stack((lows, highs), axis=1) / scale, -1.0, 1.0)
    rounded: list[list[float]] = np.round(thinned, 4).tolist()
    return rounded
