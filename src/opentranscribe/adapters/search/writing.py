"""Putting a file into the index and taking it out, with the counts that ranking needs."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from opentranscribe.adapters.search.postings import (
    MAX_PLACE,
    TermPostings,
    pack_speakers,
    pack_words,
)
from opentranscribe.adapters.search.rows import copy_rows, fetch
from opentranscribe.adapters.search.stems import stem_words
from opentranscribe.adapters.search.tokens import token_texts
from opentranscribe.ports.search import IndexedChunk, IndexedFile

INSERT_FILE = """
INSERT INTO derived.search_file
    (file_id, owner_id, title, title_words, language, uploaded_at, duration_seconds, vector_model,
     chunk_count, word_count, term_ids)
VALUES (:file_id, :owner_id, :title, :title_words, :language, :uploaded_at, :duration_seconds,
        :vector_model, :chunk_count, :word_count, :term_ids)
"""
CHUNK_COLUMNS = {
    "file_id": "int4",
    "chunk_index": "int4",
    "speaker": "text",
    "start_time": "float4",
    "end_time": "float4",
    "body": "text",
    "word_starts": "bytea",
}
VECTOR_COLUMNS = {
    "owner_id": "int4",
    "file_id": "int4",
    "chunk_index": "int4",
    "speaker": "text",
    "vector": "bytea",
}
POSTING_COLUMNS = {"term_id": "int4", "file_id": "int4", "entries": "bytea", "places": "bytea"}

#: First what is known, then what is new, so that numbers are given to new terms only.
COUNT_KNOWN_TERMS = """
UPDATE derived.search_term t SET chunks = t.chunks + n.chunks
FROM unnest(CAST(%(lexemes)b AS text[]), CAST(%(chunks)b AS integer[])) AS n (lexeme, chunks)
WHERE t.owner_id = %(owner)s AND t.is_speaker = %(is_speaker)s AND t.lexeme = n.lexeme
RETURNING t.id, t.lexeme
"""
ADD_TERMS = """
INSERT INTO derived.search_term (owner_id, is_speaker, lexeme, word, chunks)
SELECT %(owner)s, %(is_speaker)s, lexeme, word, chunks
FROM unnest(CAST(%(lexemes)b AS text[]), CAST(%(words)b AS text[]), CAST(%(chunks)b AS integer[]))
     AS n (lexeme, word, chunks)
RETURNING id, lexeme
"""
FORGET_POSTINGS = """
WITH gone AS (
    DELETE FROM derived.search_posting WHERE file_id = :file_id AND term_id = ANY(:term_ids)
    RETURNING term_id, octet_length(entries) / 8 AS chunks
)
UPDATE derived.search_term t SET chunks = t.chunks - gone.chunks
FROM gone WHERE t.id = gone.term_id
"""
FORGET_TERMS = "DELETE FROM derived.search_term WHERE id = ANY(:term_ids) AND chunks <= 0"


def write_file(session: Session, file: IndexedFile) -> None:
    """Replace the file's rows. Writers of one owner take turns, because they share counts."""
    _take_turn(session, file.owner_id)
    known = _forget_file(session, file.file_id)
    tokens = [token_texts(chunk.text)[:MAX_PLACE] for chunk in file.chunks]
    lengths = [len(words) for words in tokens]
    stems = stem_words(session, (word for words in tokens for word in words), file.language)
    indexes = [chunk.index for chunk in file.chunks]
    speakers = [chunk.speaker for chunk in file.chunks]
    words = pack_words(indexes, tokens, stems)
    named = [p for p in pack_speakers(indexes, speakers, lengths) if p.lexeme]
    term_ids = [
        *_count_terms(session, file.owner_id, words, is_speaker=False),
        *_count_terms(session, file.owner_id, named, is_speaker=True),
    ]
    _insert_file(session, file, sum(lengths), term_ids)
    copy_rows(
        session,
        "derived.search_posting",
        POSTING_COLUMNS,
        sorted(
            (term_id, file.file_id, one.entries, one.places)
            for term_id, one in zip(term_ids, [*words, *named], strict=True)
        ),
    )
    _copy_chunks(session, file)
    _forget_terms(session, known)


def remove_file(session: Session, file_id: int) -> None:
    owner = session.scalar(
        text("SELECT owner_id FROM derived.search_file WHERE file_id = :file_id"),
        {"file_id": file_id},
    )
    if owner is not None:
        _take_turn(session, owner)
        _forget_terms(session, _forget_file(session, file_id))


def _take_turn(session: Session, owner_id: int) -> None:
    lock = text("SELECT pg_advisory_xact_lock(hashtext('derived.search'), :owner)")
    session.execute(lock, {"owner": owner_id})


def _forget_file(session: Session, file_id: int) -> list[int]:
    """Take the file out; its terms stay, for it may come back with them. Their numbers."""
    gone = text("DELETE FROM derived.search_file WHERE file_id = :file_id RETURNING term_ids")
    term_ids: list[int] = session.scalar(gone, {"file_id": file_id}) or []
    values = {"file_id": file_id, "term_ids": term_ids}
    session.execute(text(FORGET_POSTINGS), values)
    return term_ids


def _forget_terms(session: Session, term_ids: list[int]) -> None:
    if term_ids:
        session.execute(text(FORGET_TERMS), {"term_ids": term_ids})


def _count_terms(
    session: Session, owner_id: int, terms: Sequence[TermPostings], *, is_speaker: bool
) -> list[int]:
    """Their numbers, in order; each counts in how many chunks more it stands."""
    values = {"owner": owner_id, "is_speaker": is_speaker}
    columns = {"lexemes": [t.lexeme for t in terms], "chunks": [t.chunks for t in terms]}
    known = fetch(session, COUNT_KNOWN_TERMS, values | columns)
    numbers = {row.lexeme: row.id for row in known}
    new = [term for term in terms if term.lexeme not in numbers]
    columns = {
        "lexemes": [term.lexeme for term in new],
        "words": [term.word for term in new],
        "chunks": [term.chunks for term in new],
    }
    added = fetch(session, ADD_TERMS, values | columns) if new else []
    numbers.update((row.lexeme, row.id) for row in added)
    return [numbers[term.lexeme] for term in terms]


def _insert_file(session: Session, file: IndexedFile, words: int, term_ids: list[int]) -> None:
    facts = {
        "file_id": file.file_id,
        "owner_id": file.owner_id,
        "title": file.title,
        "title_words": sorted(set(token_texts(file.title))),
        "language": file.language,
        "uploaded_at": file.uploaded_at,
        "duration_seconds": file.duration_seconds,
        "vector_model": file.vector_model,
        "chunk_count": max((chunk.index + 1 for chunk in file.chunks), default=0),
        "word_count": words,
        "term_ids": term_ids,
    }
    session.execute(text(INSERT_FILE), facts)


def _copy_chunks(session: Session, file: IndexedFile) -> None:
    def chunk_row(chunk: IndexedChunk) -> Sequence[object]:
        starts = np.asarray(chunk.word_starts, "<f4").tobytes()
        about = (chunk.index, chunk.speaker, chunk.start, chunk.end, chunk.text)
        return (file.file_id, *about, starts)

    copy_rows(session, "derived.search_chunk", CHUNK_COLUMNS, map(chunk_row, file.chunks))
    vectors = (
        (file.owner_id, file.file_id, chunk.index, chunk.speaker.lower(), half_vector(chunk.vector))
        for chunk in file.chunks
        if chunk.vector is not None
    )
    copy_rows(session, "derived.search_vector", VECTOR_COLUMNS, vectors)


def half_vector(vector: NDArray[np.float32]) -> bytes:
    """The binary form of pgvector's halfvec: dimension, nothing, 16-bit floats, big-endian."""
    return struct.pack(">hh", len(vector), 0) + vector.astype(">f2").tobytes()


def whole_vector(packed: bytes) -> NDArray[np.float32]:
    return np.frombuffer(packed, ">f2", offset=4).astype(np.float32)
