"""How decoded sound travels between ports: 16 kHz mono samples that need not fit in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000


@dataclass(frozen=True)
class Pcm:
    """Raw signed 16-bit little-endian mono PCM at 16 kHz in a file, read by memory map.

    A window of it is a copy in float32; the whole is never loaded, so that memory does not grow
    with the length of the recording.
    """

    path: Path

    @property
    def sample_count(self) -> int:
        return self.path.stat().st_size // 2

    @property
    def duration_seconds(self) -> float:
        return self.sample_count / SAMPLE_RATE_HZ

    def window(self, start_seconds: float, end_seconds: float) -> NDArray[np.float32]:
        """Samples in [start, end) as float32 in [-1, 1], shape (n,); clipped to the recording."""
        first = max(0, round(start_seconds * SAMPLE_RATE_HZ))
        last = min(self.sample_count, round(end_seconds * SAMPLE_RATE_HZ))
        if last <= first:
            return np.zeros(0, dtype=np.float32)
        with self.path.open("rb") as handle:
            handle.seek(first * 2)
            raw = np.frombuffer(handle.read((last - first) * 2), dtype="<i2")
        return (raw / np.float32(32768.0)).astype(np.float32)
