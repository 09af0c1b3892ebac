"""Sentence embeddings for search by meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SentenceModel:
    name: str
    version: str
    dimension: int


class SentenceEncoder(Protocol):
    def model(self) -> SentenceModel | None:
        """None when no model can be had: search then works on words alone."""
        ...

    def encode(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> NDArray[np.float32]:
        """L2-normalised rows, shape (len(texts), dimension)."""
        ...
