"""Search on PostgreSQL: transactional with the truth, filtered by ordinary SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from opentranscribe.adapters.search import statements, tables
from opentranscribe.adapters.search.questions import Lexemes, Question, ask, tsqueries
from opentranscribe.adapters.search.snippets import cut_snippet, mark_words
from opentranscribe.adapters.search.spelling import correct_words
from opentranscribe.adapters.search.stems import stem_words
from opentranscribe.adapters.search.tokens import tokenize
from opentranscribe.adapters.search.writing import remove_file, write_file
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.search import (
    FileHit,
    IndexedFile,
    Occurrence,
    SearchQuery,
    SearchResult,
)

#: Fewer chunks than this with all the words: chunks with some of them are worth showing too.
ENOUGH = 10
OCCURRENCES_SHOWN = 3
OCCURRENCES_IN_ONE_FILE = 50
#: Cosine distance beyond which a nearest chunk is merely the least far; by model, measured on
#: paraphrases against unrelated sentences.
MAX_DISTANCE = 0.78
#: A file's score grows with further matches, each counting less.
FURTHER_MATCH = 0.35
SCORED_MATCHES = 10


class PostgresSearch:
    """Implements ports.search.SearchIndex on the tables of :mod:`adapters.search.tables`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ensure_schema(self) -> None:
        with self._engine.begin() as connection:
            tables.ensure_schema(connection)

    def vectors_of(
        self, session: Session, file_id: int, model: str
    ) -> Mapping[str, NDArray[np.float32]]:
        rows = session.execute(
            text(
                "SELECT c.body, CAST(c.vector AS text) AS vector FROM derived.search_chunk c "
                "JOIN derived.search_file f USING (file_id) "
                "WHERE file_id = :file_id AND f.vector_model = :model AND c.vector IS NOT NULL"
            ),
            {"file_id": file_id, "model": model},
        )
        return {row.body: np.array(row.vector[1:-1].split(","), dtype=np.float32) for row in rows}

    def index_file(self, session: Session, file: IndexedFile) -> None:
        write_file(session, file)

    def delete_file(self, session: Session, file_id: int) -> None:
        remove_file(session, file_id)

    def query(self, session: Session, query: SearchQuery) -> SearchResult:
        question = ask(query.text)
        found = _Found(session, query, question)
        chunks = found.chunks()
        corrected = None
        if not any(chunk.by_words for chunk in chunks):
            mended = correct_words(session, query.file_ids_of, question, found.lexemes)
            if mended:
                question = question.replaced(mended)
                found = _Found(session, query, question)
                chunks = found.chunks()
                corrected = _respelled(query.text, mended)
        return found.result(chunks, corrected)

    def suggest(
        self, session: Session, prefix: str, file_ids_of: int, limit: int = 8
    ) -> Sequence[str]:
        folded = prefix.strip().lower().replace("\\", "").replace("%", "").replace("_", "")
        if not folded:
            return []
        rows = session.scalars(
            text(statements.SUGGESTIONS),
            {
                "owner": file_ids_of,
                "prefix": f"{folded}%",
                "inside": f"%{folded}%",
                "most": limit,
            },
        )
        return list(dict.fromkeys(rows))

    def ping(self) -> None:
        try:
            with self._engine.connect() as connection:
                connection.execute(text("SELECT 1 FROM derived.search_file LIMIT 1"))
        except SQLAlchemyError as error:
            raise UnavailableError("The search index does not answer.") from error


class _Found:
    """One query on its way: its lexemes, the chunks that match, the files they are in."""

    def __init__(self, session: Session, query: SearchQuery, question: Question) -> None:
        self.session = session
        self.query = query
        self.question = question
        self.lexemes = _lexemes(session, query.file_ids_of, question)
        self.semantic = query.mode == "hybrid" and query.vector is not None

    def chunks(self) -> Sequence[Any]:
        """Chunks with all the words; when they are few, with some of them as well."""
        chunks = self._run("&")
        few = sum(chunk.by_words for chunk in chunks) < ENOUGH
        return self._run("|") if few and len(self.question.phrases) > 1 else chunks

    def _run(self, joined_by: str) -> Sequence[Any]:
        owner = self.query.file_ids_of
        statistics = self.session.execute(text(statements.STATISTICS), {"owner": owner}).first()
        if statistics is None:
            return []
        wanted = tsqueries(self.question, self.lexemes, joined_by)
        values: dict[str, Any] = {
            **self._filters(),
            "words": wanted.words,
            "phrases": wanted.phrases,
            "lexemes": self._all_lexemes(),
            "chunks": statistics.chunks,
            "mean_words": float(statistics.mean_words),
        }
        if not self.semantic:
            return self.session.execute(text(statements.KEYWORD), values).all()
        assert self.query.vector is not None
        self.session.execute(text("SET LOCAL hnsw.iterative_scan = relaxed_order"))
        values["vector"] = "[" + ",".join(f"{v:.5f}" for v in self.query.vector) + "]"
        values["max_distance"] = MAX_DISTANCE
        return self.session.execute(text(statements.HYBRID), values).all()

    def _filters(self) -> dict[str, Any]:
        speakers = [name.lower() for name in self.query.speakers] or None
        return {
            "owner": self.query.file_ids_of,
            "file_id": self.query.file_id,
            "speakers": speakers,
            "date_from": self.query.date_from,
            "date_to": self.query.date_to,
        }

    def _all_lexemes(self) -> list[str]:
        return sorted({one for options in self.lexemes.values() for one in options})

    def result(self, chunks: Sequence[Any], corrected: str | None) -> SearchResult:
        by_file: dict[int, list[Any]] = defaultdict(list)
        for chunk in chunks:
            by_file[chunk.file_id].append(chunk)
        titles = self._titles(by_file)
        ranked = sorted(titles, key=lambda file: -_file_score(by_file.get(file, [])))
        first = (self.query.page - 1) * self.query.page_size
        page = ranked[first : first + self.query.page_size]
        shown = OCCURRENCES_IN_ONE_FILE if self.query.file_id is not None else OCCURRENCES_SHOWN
        passages = self._passages([c for f in page for c in by_file.get(f, [])[:shown]])
        return SearchResult(
            hits=tuple(self._hit(f, by_file.get(f, []), titles[f], passages) for f in page),
            total_files=len(ranked),
            total_occurrences=len(chunks),
            corrected=corrected,
            semantic=self.semantic,
        )

    def _titles(self, by_file: Mapping[int, Any]) -> dict[int, str]:
        """Files with matching chunks, and files whose title has all the words."""
        rows = self.session.execute(
            text("SELECT file_id, title FROM derived.search_file WHERE file_id = ANY(:ids)"),
            {"ids": list(by_file)},
        )
        titles = {row.file_id: row.title for row in rows}
        if not self.query.speakers:
            values = {**self._filters(), "tokens": self.question.tokens}
            for row in self.session.execute(text(statements.TITLES), values):
                titles.setdefault(row.file_id, row.title)
        return titles

    def _passages(self, chunks: Sequence[Any]) -> dict[int, Any]:
        values = {"ids": [chunk.id for chunk in chunks], "lexemes": self._all_lexemes()}
        return {row.id: row for row in self.session.execute(text(statements.PASSAGES), values)}

    def _hit(
        self, file_id: int, chunks: Sequence[Any], title: str, passages: Mapping[int, Any]
    ) -> FileHit:
        shown = [_occurrence(c, passages[c.id]) for c in chunks if c.id in passages]
        return FileHit(
            file_id=file_id,
            score=_file_score(chunks),
            title_html=mark_words(title, set(self.question.tokens)),
            occurrences=tuple(sorted(shown, key=lambda o: -o.score)),
            occurrence_count=len(chunks),
        )


def _occurrence(chunk: Any, passage: Any) -> Occurrence:
    snippet = cut_snippet(passage.body, passage.word_starts, passage.positions or [])
    return Occurrence(
        chunk_index=chunk.chunk_index,
        snippet_html=snippet.html,
        start=snippet.start if passage.positions else chunk.start_time,
        end=chunk.end_time,
        speaker=chunk.speaker,
        match="text" if chunk.by_words else "meaning",
        score=float(chunk.score),
    )


def _file_score(chunks: Sequence[Any]) -> float:
    score, weight = 0.0, 1.0
    for chunk in chunks[:SCORED_MATCHES]:
        score += weight * float(chunk.score)
        weight *= FURTHER_MATCH
    return score


def _lexemes(session: Session, owner_id: int, question: Question) -> Lexemes:
    languages = session.scalars(text(statements.LANGUAGES), {"owner": owner_id}).all()
    options: dict[str, set[str]] = {token: {token} for token in question.tokens}
    for language in languages:
        for token, lexeme in stem_words(session, question.tokens, language).items():
            options[token].add(lexeme)
    return {token: frozenset(found) for token, found in options.items()}


def _respelled(typed: str, mended: Mapping[str, str]) -> str:
    parts, at = [], 0
    for token in tokenize(typed):
        if token.text in mended:
            parts += [typed[at : token.start], mended[token.text]]
            at = token.end
    return "".join([*parts, typed[at:]])
