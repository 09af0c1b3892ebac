"""Putting a file into the index and taking it out, with the counts that ranking needs."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from opentranscribe.adapters.search.stems import stem_words
from opentranscribe.adapters.search.tables import VECTOR_DIMENSION
from opentranscribe.adapters.search.tokens import tokenize
from opentranscribe.ports.search import IndexedChunk, IndexedFile

#: tsvector positions end here; a chunk is far shorter.
MAX_POSITION = 16_383

INSERT_FILE = """
INSERT INTO derived.search_file
    (file_id, owner_id, title, title_words, language, uploaded_at, duration_seconds, vector_model)
VALUES (:file_id, :owner_id, :title, :title_words, :language, :uploaded_at, :duration_seconds,
        :vector_model)
"""
INSERT_CHUNK = """
INSERT INTO derived.search_chunk
    (file_id, owner_id, uploaded_at, chunk_index, speaker, start_time, end_time, word_count,
     body, word_starts, lexemes, vector)
VALUES (:file_id, :owner_id, :uploaded_at, :chunk_index, :speaker, :start_time, :end_time,
        :word_count, :body, :word_starts, CAST(:lexemes AS tsvector),
        CAST(:vector AS derived.halfvec))
"""
COUNT_TERMS = """
INSERT INTO derived.search_term (owner_id, lexeme, word, chunks)
SELECT :owner_id, lexeme, word, chunks
FROM unnest(CAST(:lexemes AS text[]), CAST(:words AS text[]), CAST(:chunks AS integer[]))
     AS t (lexeme, word, chunks)
ON CONFLICT (owner_id, lexeme) DO UPDATE SET chunks = search_term.chunks + excluded.chunks
"""
DISCOUNT_TERMS = """
UPDATE derived.search_term t SET chunks = t.chunks - gone.chunks
FROM (
    SELECT u.lexeme, count(*) AS chunks
    FROM derived.search_chunk c, unnest(c.lexemes) AS u
    WHERE c.file_id = :file_id GROUP BY u.lexeme
) gone
WHERE t.owner_id = (SELECT owner_id FROM derived.search_file WHERE file_id = :file_id)
  AND t.lexeme = gone.lexeme
"""
COUNT_CHUNKS = """
INSERT INTO derived.search_owner (owner_id, chunks, words)
SELECT :owner_id, :sign * count(*), :sign * coalesce(sum(word_count), 0)
FROM derived.search_chunk WHERE file_id = :file_id
ON CONFLICT (owner_id) DO UPDATE
SET chunks = search_owner.chunks + excluded.chunks, words = search_owner.words + excluded.words
"""
FORGET_TERMS = """
DELETE FROM derived.search_term
WHERE chunks <= 0
  AND owner_id = (SELECT owner_id FROM derived.search_file WHERE file_id = :file_id)
"""


def write_file(session: Session, file: IndexedFile) -> None:
    """Replace the file's rows. Writers of one owner take turns, because they share counts."""
    _take_turn(session, file.owner_id)
    remove_file(session, file.file_id)
    facts = {
        "file_id": file.file_id,
        "owner_id": file.owner_id,
        "title": file.title,
        "title_words": sorted({token.text for token in tokenize(file.title)}),
        "language": file.language,
        "uploaded_at": file.uploaded_at,
        "duration_seconds": file.duration_seconds,
        "vector_model": file.vector_model,
    }
    session.execute(text(INSERT_FILE), facts)
    if not file.chunks:
        return
    tokens = [[token.text for token in tokenize(chunk.text)] for chunk in file.chunks]
    stems = stem_words(session, (t for chunk in tokens for t in chunk), file.language)
    rows = [
        _chunk_row(file, chunk, cut, stems) for chunk, cut in zip(file.chunks, tokens, strict=True)
    ]
    session.execute(text(INSERT_CHUNK), rows)
    _count_terms(session, file.owner_id, tokens, stems)
    _count_chunks(session, file.owner_id, file.file_id, 1)


def remove_file(session: Session, file_id: int) -> None:
    owner = session.scalar(
        text("SELECT owner_id FROM derived.search_file WHERE file_id = :file_id"),
        {"file_id": file_id},
    )
    if owner is None:
        return
    _take_turn(session, owner)
    _count_chunks(session, owner, file_id, -1)
    for statement in (DISCOUNT_TERMS, FORGET_TERMS):
        session.execute(text(statement), {"file_id": file_id})
    gone = text("DELETE FROM derived.search_file WHERE file_id = :file_id")
    session.execute(gone, {"file_id": file_id})


def _take_turn(session: Session, owner_id: int) -> None:
    lock = text("SELECT pg_advisory_xact_lock(hashtext('derived.search'), :owner)")
    session.execute(lock, {"owner": owner_id})


def _count_chunks(session: Session, owner_id: int, file_id: int, sign: int) -> None:
    values = {"owner_id": owner_id, "file_id": file_id, "sign": sign}
    session.execute(text(COUNT_CHUNKS), values)


def _chunk_row(
    file: IndexedFile, chunk: IndexedChunk, tokens: list[str], stems: dict[str, str]
) -> dict[str, Any]:
    positions: dict[str, list[int]] = defaultdict(list)
    for position, token in enumerate(tokens[:MAX_POSITION], start=1):
        positions[stems[token]].append(position)
    return {
        "file_id": file.file_id,
        "owner_id": file.owner_id,
        "uploaded_at": file.uploaded_at,
        "chunk_index": chunk.index,
        "speaker": chunk.speaker,
        "start_time": chunk.start,
        "end_time": chunk.end,
        "word_count": len(tokens),
        "body": chunk.text,
        "word_starts": list(chunk.word_starts),
        "lexemes": " ".join(
            f"'{lexeme}':{','.join(map(str, where))}" for lexeme, where in positions.items()
        ),
        "vector": _vector_literal(chunk),
    }


def _vector_literal(chunk: IndexedChunk) -> str | None:
    if chunk.vector is None or chunk.vector.shape != (VECTOR_DIMENSION,):
        return None
    return "[" + ",".join(f"{value:.5f}" for value in chunk.vector) + "]"


def _count_terms(
    session: Session, owner_id: int, tokens: list[list[str]], stems: dict[str, str]
) -> None:
    """How many chunks have each lexeme, and the commonest way it is written."""
    chunks: Counter[str] = Counter()
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for cut in tokens:
        chunks.update({stems[token] for token in cut})
        for token in cut:
            spellings[stems[token]][token] += 1
    lexemes = sorted(chunks)
    session.execute(
        text(COUNT_TERMS),
        {
            "owner_id": owner_id,
            "lexemes": lexemes,
            "words": [spellings[lexeme].most_common(1)[0][0] for lexeme in lexemes],
            "chunks": [chunks[lexeme] for lexeme in lexemes],
        },
    )
