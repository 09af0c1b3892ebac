"""Pooling and tokens of the sentence encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opentranscribe.adapters.embedding import minilm
from opentranscribe.adapters.embedding.minilm import (
    MiniLmEncoder,
    SentenceModelMissingError,
    build_tokenizer,
    mean_pool,
)
from opentranscribe.adapters.embedding.scripted import ScriptedEncoder
from opentranscribe.adapters.models.store import CachedModelStore

VOCABULARY = Path(minilm.__file__).with_name("bert_uncased_vocabulary.txt")


class TestMeanPool:
    def test_leaves_padding_out_and_gives_length_one(self) -> None:
        tokens = np.array([[[3.0, 0.0], [0.0, 4.0], [99.0, 99.0]]], dtype=np.float32)
        pooled = mean_pool(tokens, np.array([[1, 1, 0]]))
        assert pooled == pytest.approx(np.array([[0.6, 0.8]]))


class TestBuildTokenizer:
    def test_gives_the_numbers_of_bert_uncased(self) -> None:
        encoding = build_tokenizer(VOCABULARY).encode("Hello, wörld!")
        assert encoding.tokens == ["[CLS]", "hello", ",", "world", "!", "[SEP]"]
        assert encoding.ids == [101, 7592, 1010, 2088, 999, 102]

    def test_cuts_long_texts(self) -> None:
        assert len(build_tokenizer(VOCABULARY).encode("word " * 1000).ids) == 256


class TestMiniLmEncoder:
    def test_has_no_model_when_none_can_be_had(self, tmp_path: Path) -> None:
        encoder = MiniLmEncoder(CachedModelStore(tmp_path, offline=True))
        assert encoder.model() is None
        with pytest.raises(SentenceModelMissingError, match="Search by words works"):
            encoder.encode(["a"], "query")


class TestScriptedEncoder:
    def test_gives_alike_texts_alike_vectors(self) -> None:
        encoder = ScriptedEncoder()
        rows = encoder.encode(["the budget for next year", "budget for next year", "dogs"], "query")
        assert rows.shape == (3, 384)
        assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0)
        assert rows[0] @ rows[1] > 0.8 > 0.3 > rows[0] @ rows[2]
