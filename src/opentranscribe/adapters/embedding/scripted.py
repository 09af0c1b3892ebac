"""A sentence encoder without a model: texts that share words are near, deterministically."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from opentranscribe.ports.embedding import SentenceModel


class ScriptedSentenceEncoder:
    def __init__(self, dimension: int = 384) -> None:
        self._model = SentenceModel("scripted", "1", dimension)

    def model(self) -> SentenceModel | None:
        return self._model

    def encode(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self._model.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.casefold().split() or [""]:
                digest = hashlib.sha256(word.encode()).digest()
                place = int.from_bytes(digest[:4], "big") % self._model.dimension
                vectors[row, place] += 1.0 if digest[4] % 2 else -1.0
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors[(lengths == 0).ravel(), 0] = 1.0
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors
