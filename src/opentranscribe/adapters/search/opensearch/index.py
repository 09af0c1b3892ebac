"""The search port on OpenSearch.

PostgreSQL keeps the whole index, in the transaction of the change; the server is told after the
commit, and answers. Whenever it does not, or does not yet know of a change of the asker's,
PostgreSQL answers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from opentranscribe.adapters.search.opensearch import rebuilding
from opentranscribe.adapters.search.opensearch.asking import Inquiry, ask_server
from opentranscribe.adapters.search.opensearch.carrying import Carrier
from opentranscribe.adapters.search.opensearch.documents import is_stored
from opentranscribe.adapters.search.opensearch.facets import count_facets
from opentranscribe.adapters.search.opensearch.generations import Generation
from opentranscribe.adapters.search.opensearch.server import Server
from opentranscribe.adapters.search.opensearch.showing import show_page
from opentranscribe.adapters.search.postgres import PostgresSearch, respelled
from opentranscribe.adapters.search.questions import ask
from opentranscribe.adapters.search.rows import fetch
from opentranscribe.adapters.search.spelling import correct_words
from opentranscribe.adapters.search.stems import stem_choices
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.search import IndexedFile, SearchQuery, SearchResult

log = logging.getLogger(__name__)

#: The generation that answers, unless something of the owner's is still to be carried to it.
STANDING = """
SELECT (SELECT name FROM derived.search_generation WHERE state = 'live') AS live,
       EXISTS (SELECT FROM derived.search_outbox
               WHERE owner_id = %(owner)s AND is_change) AS is_behind,
       (SELECT array_agg(DISTINCT language) FROM derived.search_file
        WHERE owner_id = %(owner)s) AS languages
"""


class OpenSearchIndex:
    """Implements ports.search.SearchIndex; ``stored`` is the index in PostgreSQL."""

    def __init__(
        self, engine: Engine, server: Server, *, stored: PostgresSearch, prefix: str = ""
    ) -> None:
        self._engine = engine
        self._server = server
        self._stored = stored
        self._carrier = Carrier(engine, server, prefix)

    def ensure_schema(self) -> None:
        self._stored.ensure_schema()
        self._carrier.ensure_tables()
        try:
            self._carrier.ensure_generation()
        except UnavailableError:
            log.warning("the search server does not answer; PostgreSQL answers searches meanwhile")

    def vectors_of(
        self, session: Session, file_id: int, model: str
    ) -> Mapping[str, NDArray[np.float32]]:
        return self._stored.vectors_of(session, file_id, model)

    def index_file(self, session: Session, file: IndexedFile) -> None:
        is_change = not is_stored(session, file)
        if is_change:
            self._stored.index_file(session, file)
        self._carrier.note(session, file.file_id, file.owner_id, is_change=is_change)

    def delete_file(self, session: Session, file_id: int) -> None:
        owner = session.scalar(
            text("SELECT owner_id FROM derived.search_file WHERE file_id = :file_id"),
            {"file_id": file_id},
        )
        if owner is not None:
            self._stored.delete_file(session, file_id)
            self._carrier.note(session, file_id, owner, is_change=True)

    def indexed_files(self, session: Session) -> set[int]:
        return self._stored.indexed_files(session)

    def query(self, session: Session, query: SearchQuery) -> SearchResult:
        (standing,) = fetch(session, STANDING, {"owner": query.file_ids_of})
        if standing.live is None or standing.is_behind:
            return self._stored.query(session, query)
        generation = Generation(standing.live, "live", "", self._carrier.prefix)
        try:
            return self._ask(session, query, generation, standing.languages or [])
        except UnavailableError:
            return self._stored.query(session, query)

    def _ask(
        self,
        session: Session,
        query: SearchQuery,
        generation: Generation,
        languages: Sequence[str],
    ) -> SearchResult:
        question = ask(query.text)
        lexemes = stem_choices(session, question.tokens, languages)
        inquiry = Inquiry(self._server, generation, query, question, lexemes)
        asked = ask_server(inquiry)
        corrected = None
        if not asked.by_words:
            mended = correct_words(session, query.file_ids_of, question, lexemes)
            if mended:
                corrected = respelled(query.text, mended)
                question = question.replaced(mended)
                lexemes = stem_choices(session, question.tokens, languages)
                inquiry = replace(inquiry, question=question, lexemes=lexemes)
                asked = ask_server(inquiry)
        result = show_page(inquiry, asked, corrected)
        if query.with_facets:
            result = replace(result, facets=count_facets(session, inquiry, asked))
        return result

    def suggest(
        self, session: Session, prefix: str, file_ids_of: int, limit: int = 8
    ) -> Sequence[str]:
        return self._stored.suggest(session, prefix, file_ids_of, limit)

    def catch_up(self) -> int:
        try:
            return self._carrier.catch_up()
        except UnavailableError as error:
            log.warning("the search server cannot be brought up to date yet: %s", error)
            return 0

    @contextmanager
    def rebuilding(self) -> Iterator[set[int]]:
        with rebuilding.new_generation(self._engine, self._server, self._carrier) as done:
            yield done

    def ping(self) -> None:
        self._stored.ping()
        self._server.ping()
