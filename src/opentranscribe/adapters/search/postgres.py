"""Search on PostgreSQL: transactional with the truth; what matches is worked out on arrays."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from opentranscribe.adapters.search import statements, tables
from opentranscribe.adapters.search.asking import ask_index
from opentranscribe.adapters.search.facets import count_facets
from opentranscribe.adapters.search.questions import ask
from opentranscribe.adapters.search.rows import fetch
from opentranscribe.adapters.search.showing import show_page
from opentranscribe.adapters.search.spelling import correct_words
from opentranscribe.adapters.search.tokens import tokenize
from opentranscribe.adapters.search.writing import remove_file, whole_vector, write_file
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.search import Facets, IndexedFile, SearchQuery, SearchResult


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
        rows = fetch(session, statements.VECTORS, {"file_id": file_id, "model": model})
        return {row.body: whole_vector(row.vector) for row in rows}

    def index_file(self, session: Session, file: IndexedFile) -> None:
        write_file(session, file)

    def delete_file(self, session: Session, file_id: int) -> None:
        remove_file(session, file_id)

    def indexed_files(self, session: Session) -> set[int]:
        return set(session.scalars(text("SELECT file_id FROM derived.search_file")))

    def query(self, session: Session, query: SearchQuery) -> SearchResult:
        question = ask(query.text)
        asked = ask_index(session, query, question)
        if asked is None:
            return SearchResult((), 0, 0, facets=Facets((), ()) if query.with_facets else None)
        corrected = None
        if not asked.by_words.any():
            mended = correct_words(session, query.file_ids_of, question, asked.lexemes)
            if mended:
                corrected = respelled(query.text, mended)
                asked = ask_index(session, query, question.replaced(mended)) or asked
        result = show_page(session, query, asked, corrected)
        if query.with_facets:
            result = replace(result, facets=count_facets(session, query, asked))
        return result

    def suggest(
        self, session: Session, prefix: str, file_ids_of: int, limit: int = 8
    ) -> Sequence[str]:
        folded = prefix.strip().lower().replace("\\", "").replace("%", "").replace("_", "")
        if not folded:
            return []
        values = {
            "owner": file_ids_of,
            "prefix": f"{folded}%",
            "inside": f"%{folded}%",
            "most": limit,
        }
        rows = fetch(session, statements.SUGGESTIONS, values)
        return list(dict.fromkeys(row.suggestion for row in rows))

    def catch_up(self) -> int:
        return 0

    def rebuilding(self) -> AbstractContextManager[Collection[int]]:
        return nullcontext(())

    def ping(self) -> None:
        try:
            with self._engine.connect() as connection:
                connection.execute(text("SELECT 1 FROM derived.search_file LIMIT 1"))
        except SQLAlchemyError as error:
            raise UnavailableError("The search index does not answer.") from error


def respelled(typed: str, mended: Mapping[str, str]) -> str:
    parts, at = [], 0
    for token in tokenize(typed):
        if token.text in mended:
            parts += [typed[at : token.start], mended[token.text]]
            at = token.end
    return "".join([*parts, typed[at:]])
