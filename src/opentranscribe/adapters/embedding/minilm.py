"""all-MiniLM-L6-v2 (Apache-2.0) on ONNX Runtime: mean of the token vectors, scaled to length one.

The vocabulary beside this file is that of bert-base-uncased (Apache-2.0), which the model uses.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.asr import ModelMissingError
from opentranscribe.ports.embedding import SentenceModel
from opentranscribe.ports.models import ModelStore

MODEL_NAME = "minilm-int8"
_DIMENSION = 384
_LONGEST_TOKENS = 256
_BATCH = 16
_VOCABULARY = Path(__file__).with_name("bert_uncased_vocabulary.txt")


class SentenceModelMissingError(UnavailableError):
    code = "sentence_model_missing"
    transient = False


class MiniLmEncoder:
    """Implements :class:`opentranscribe.ports.embedding.SentenceEncoder`.

    ``fetches`` says whether the model may be downloaded when first asked for; after a failed try
    it is not asked for again until ``unload``. Without it, the model is used once it is there.
    """

    def __init__(self, store: ModelStore, *, threads: int = 1, fetches: bool = True) -> None:
        self._store = store
        self._threads = threads
        self._fetches = fetches
        self._lock = threading.Lock()
        self._session: onnxruntime.InferenceSession | None = None
        self._given_up = False
        self._tokenizer = build_tokenizer(_VOCABULARY)

    def model(self) -> SentenceModel | None:
        if self._open() is None:
            return None
        return SentenceModel(MODEL_NAME, "1", _DIMENSION)

    def encode(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> NDArray[np.float32]:
        """Queries and passages share one space. Raises SentenceModelMissingError."""
        session = self._open()
        if session is None:
            raise SentenceModelMissingError(
                "The model for search by meaning is not on this machine. Search by words works "
                f"without it. Put its model.onnx into the folder “{MODEL_NAME}” of the model cache."
            )
        rows = np.zeros((len(texts), _DIMENSION), dtype=np.float32)
        # Texts of like length together: less padding, the same vectors.
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        for first in range(0, len(order), _BATCH):
            indexes = order[first : first + _BATCH]
            rows[indexes] = self._encode_batch(session, [texts[at] for at in indexes])
        return rows

    def unload(self) -> None:
        with self._lock:
            self._session = None
            self._given_up = False

    def _encode_batch(
        self, session: onnxruntime.InferenceSession, texts: Sequence[str]
    ) -> NDArray[np.float32]:
        encodings = self._tokenizer.encode_batch(list(texts))
        mask = np.array([item.attention_mask for item in encodings], dtype=np.int64)
        feeds = {
            "input_ids": np.array([item.ids for item in encodings], dtype=np.int64),
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(mask),
        }
        names = {item.name for item in session.get_inputs()}
        output = session.run(None, {name: feeds[name] for name in feeds if name in names})[0]
        return mean_pool(np.asarray(output, dtype=np.float32), mask)

    def _open(self) -> onnxruntime.InferenceSession | None:
        with self._lock:
            if self._session is None and not self._given_up:
                folder = self._folder()
                # Merely looking is cheap; trying to download again and again is not.
                self._given_up = folder is None and self._fetches
                if folder is not None:
                    self._session = self._load(folder / "model.onnx")
            return self._session

    def _folder(self) -> Path | None:
        if not self._fetches:
            return self._store.find(MODEL_NAME)
        try:
            return self._store.fetch(MODEL_NAME)
        except ModelMissingError:
            return None

    def _load(self, path: Path) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )


def mean_pool(tokens: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean over the tokens that ``mask`` keeps, L2-normalised: (n, t, d), (n, t) to (n, d)."""
    weights = mask[:, :, None].astype(np.float32)
    means = (tokens * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return np.asarray(means / np.maximum(lengths, 1e-12), dtype=np.float32)


def build_tokenizer(vocabulary: Path) -> Tokenizer:
    words = vocabulary.read_text("utf-8").splitlines()
    ids = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))  # noqa: S106
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    tokenizer.enable_truncation(_LONGEST_TOKENS)
    tokenizer.enable_padding(pad_id=ids["[PAD]"], pad_token="[PAD]")  # noqa: S106
    return tokenizer
