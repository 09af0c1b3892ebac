"""Vectors from the letters of a text: alike texts get alike vectors, the same on every machine."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from opentranscribe.ports.embedding import SentenceModel

_LETTERS = 3


class ScriptedEncoder:
    """Hashes every three letters into one of ``dimension`` buckets; no model, no meaning."""

    def __init__(self, dimension: int = 384) -> None:
        self._dimension = dimension

    def model(self) -> SentenceModel | None:
        return SentenceModel("scripted", "1", self._dimension)

    def encode(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for number, text in enumerate(texts):
            padded = f"  {' '.join(text.lower().split())}  "
            for at in range(len(padded) - _LETTERS + 1):
                bucket = zlib.crc32(padded[at : at + _LETTERS].encode()) % self._dimension
                rows[number, bucket] += 1.0
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
