"""What the server is told of one recording, read from the index in PostgreSQL."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from opentranscribe.adapters.search.opensearch.generations import Generation, vector_field
from opentranscribe.adapters.search.postings import MAX_PLACE
from opentranscribe.adapters.search.rows import fetch
from opentranscribe.adapters.search.stems import stem_words
from opentranscribe.adapters.search.tokens import token_texts
from opentranscribe.adapters.search.writing import half_vector, whole_vector
from opentranscribe.ports.search import IndexedChunk, IndexedFile

VECTOR_DECIMALS = 5

FILE = """
SELECT file_id, owner_id, title, title_words, language, uploaded_at, duration_seconds,
       vector_model, chunk_count, word_count, term_ids
FROM derived.search_file WHERE file_id = %(file_id)s
"""
CHUNKS = """
SELECT c.chunk_index, c.speaker, c.start_time, c.end_time, c.body, c.word_starts, v.vector
FROM derived.search_chunk c LEFT JOIN derived.search_vector v USING (file_id, chunk_index)
WHERE c.file_id = %(file_id)s ORDER BY c.chunk_index
"""
#: Every word has its place in a posting.
POSTINGS = """
SELECT count(*) AS postings, coalesce(sum(octet_length(p.places)), 0) / 2 AS words
FROM derived.search_posting p JOIN derived.search_term t ON t.id = p.term_id
WHERE p.file_id = %(file_id)s AND p.term_id = ANY(%(term_ids)s)
"""


@dataclass(frozen=True, slots=True)
class Document:
    """One recording: the body of its own document, those of its chunks by index. When words start
    is packed, little-endian 32-bit seconds, for a page of results reads thousands of them."""

    file_id: int
    body: dict[str, Any]
    chunks: Mapping[int, dict[str, Any]]
    dimensions: frozenset[int]

    @property
    def chunk_bound(self) -> int:
        """One more than the last chunk's index."""
        return int(self.body["chunk_bound"])

    def file_action(self, generation: Generation, version: int, known_bound: int) -> dict[str, Any]:
        """Says how many chunks were ever written. It goes before them, so that nothing of an
        attempt that broke off is forgotten."""
        bound = max(known_bound, self.chunk_bound)
        body = {**self.body, "chunk_bound": bound}
        return _action(generation.files, str(self.file_id), version, body)

    def chunk_actions(self, generation: Generation, version: int) -> Iterator[dict[str, Any]]:
        for index, body in self.chunks.items():
            yield _action(generation.chunks, f"{self.file_id}-{index}", version, body)


def read_document(session: Session, file_id: int) -> Document | None:
    """None for a recording that the index does not have."""
    rows = fetch(session, FILE, {"file_id": file_id})
    if not rows:
        return None
    file = rows[0]
    shared = {
        "file_id": file.file_id,
        "owner_id": file.owner_id,
        "title": file.title,
        "language": file.language,
        "uploaded_at": file.uploaded_at.isoformat(),
    }
    body = shared | {
        "title_words": file.title_words,
        "duration": file.duration_seconds,
        "chunk_bound": file.chunk_count,
    }
    shared["embedding_model"] = file.vector_model
    chunks = fetch(session, CHUNKS, {"file_id": file_id})
    tokens = [token_texts(chunk.body)[:MAX_PLACE] for chunk in chunks]
    stems = stem_words(session, (word for words in tokens for word in words), file.language)
    bodies, dimensions = {}, set()
    for chunk, words in zip(chunks, tokens, strict=True):
        own = _chunk_body(chunk) | {"lexemes": " ".join(stems[word] for word in words)}
        if chunk.vector is not None and (vector := whole_vector(chunk.vector)).any():
            own[vector_field(len(vector))] = rounded(vector)
            dimensions.add(len(vector))
        bodies[chunk.chunk_index] = shared | own
    return Document(file_id, body, bodies, frozenset(dimensions))


def is_stored(session: Session, file: IndexedFile) -> bool:
    """Whether the index in PostgreSQL says of this recording what it would say anew, and has all
    of it."""
    rows = fetch(session, FILE, {"file_id": file.file_id})
    if not rows:
        return False
    about = (file.owner_id, file.title, file.language, file.uploaded_at, file.vector_model)
    (row,) = rows
    if about != (row.owner_id, row.title, row.language, row.uploaded_at, row.vector_model):
        return False
    asked = {"file_id": file.file_id, "term_ids": row.term_ids}
    (kept,) = fetch(session, POSTINGS, asked)
    if (kept.postings, kept.words) != (len(row.term_ids), row.word_count):
        return False
    stored = fetch(session, CHUNKS, {"file_id": file.file_id})
    return len(stored) == len(file.chunks) and all(
        _is_same(one, chunk)
        for one, chunk in zip(stored, sorted(file.chunks, key=lambda c: c.index), strict=True)
    )


def _is_same(stored: Any, chunk: IndexedChunk) -> bool:
    times = np.asarray((chunk.start, chunk.end), np.float32).tolist()
    return (
        (stored.chunk_index, stored.speaker, stored.body)
        == (chunk.index, chunk.speaker, chunk.text)
        and [stored.start_time, stored.end_time] == times
        and stored.word_starts == np.asarray(chunk.word_starts, "<f4").tobytes()
        and stored.vector == (None if chunk.vector is None else half_vector(chunk.vector))
    )


def rounded(vector: NDArray[np.float32]) -> list[float]:
    """As exact as the half precision that it is kept in, in half the digits."""
    whole: list[float] = np.round(vector.astype(np.float64), VECTOR_DECIMALS).tolist()
    return whole


def _chunk_body(chunk: Any) -> dict[str, Any]:
    return {
        "chunk_index": chunk.chunk_index,
        "speaker": chunk.speaker,
        "speaker_key": chunk.speaker.lower(),
        "start_time": chunk.start_time,
        "end_time": chunk.end_time,
        "content": chunk.body,
        "word_starts": b64encode(chunk.word_starts).decode(),
    }


def _action(index: str, name: str, version: int, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "_op_type": "index",
        "_index": index,
        "_id": name,
        "version": version,
        "version_type": "external_gte",
        "_source": {**body, "version": version},
    }


def removal(generation: Generation, file_id: int, version: int) -> dict[str, Any]:
    return {
        "_op_type": "delete",
        "_index": generation.files,
        "_id": str(file_id),
        "version": version,
        "version_type": "external_gte",
    }
