"""Carrying changes from PostgreSQL to the server: an outbox, written with the change itself.

A row says that a recording changed, not how: whoever carries it reads the newest state, and holds
the row until the server has it. What fails stays in the outbox. A recording that is indexed again
as it was is noted, too, for the sake of a generation that is being built; the one that answers has
it, and goes on answering.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from opentranscribe.adapters.search.opensearch import generations
from opentranscribe.adapters.search.opensearch.documents import (
    Document,
    read_document,
    removal,
)
from opentranscribe.adapters.search.opensearch.generations import Generation
from opentranscribe.adapters.search.opensearch.server import Server
from opentranscribe.kit.errors import UnavailableError

log = logging.getLogger(__name__)

#: Files that one round carries at most, so that a round ends.
CARRIED_AT_ONCE = 500
#: While the server writes one recording, the next is read.
CARRIERS = 2

TABLES = """
CREATE SEQUENCE IF NOT EXISTS derived.search_version;
CREATE TABLE IF NOT EXISTS derived.search_outbox (
    file_id integer PRIMARY KEY,
    owner_id integer NOT NULL,
    version bigint NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE derived.search_outbox ADD COLUMN IF NOT EXISTS is_change boolean NOT NULL DEFAULT true;
CREATE TABLE IF NOT EXISTS derived.search_generation (
    name text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('filling', 'building', 'live', 'kept')),
    identity text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""
#: The row is locked until the caller's transaction ends: versions rise in the order of commits.
NOTE = """
INSERT INTO derived.search_outbox AS o (file_id, owner_id, version, is_change)
VALUES (:file_id, :owner_id, nextval('derived.search_version'), :is_change)
ON CONFLICT (file_id) DO UPDATE
SET version = nextval('derived.search_version'), owner_id = excluded.owner_id,
    is_change = o.is_change OR excluded.is_change
"""
NOTE_ALL = """
INSERT INTO derived.search_outbox (file_id, owner_id, version, is_change)
SELECT file_id, owner_id, nextval('derived.search_version'), false FROM derived.search_file
ON CONFLICT (file_id) DO NOTHING
"""
TAKE = """
SELECT version, is_change FROM derived.search_outbox WHERE file_id = :file_id FOR UPDATE SKIP LOCKED
"""
DONE = "DELETE FROM derived.search_outbox WHERE file_id = :file_id"
LOCK = "SELECT pg_advisory_xact_lock(hashtext('derived.search_generation'))"
CHANGED = "opentranscribe.search.changed"


class Carrier:
    """``prefix`` begins the names of all indexes, where several installations share a server."""

    def __init__(self, engine: Engine, server: Server, prefix: str = "") -> None:
        self._engine = engine
        self._server = server
        self.prefix = prefix
        self._vectors: set[tuple[str, int]] = set()

    def ensure_tables(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(LOCK))
            for statement in TABLES.split(";\n"):
                connection.execute(text(statement))

    def note(self, session: Session, file_id: int, owner_id: int, *, is_change: bool) -> None:
        """The recording is carried as soon as the caller's transaction is kept; if it is as it
        was, by :meth:`catch_up`."""
        values = {"file_id": file_id, "owner_id": owner_id, "is_change": is_change}
        session.execute(text(NOTE), values)
        if not is_change:
            return
        if CHANGED not in session.info:
            session.info[CHANGED] = set()
            event.listen(session, "after_commit", self._after_commit)
            event.listen(session, "after_rollback", _forget)
        session.info[CHANGED].add(file_id)

    def _after_commit(self, session: Session) -> None:
        changed: set[int] = session.info[CHANGED]
        if not changed or session.in_nested_transaction():
            return
        file_ids, session.info[CHANGED] = sorted(changed), set()
        try:
            for file_id in file_ids:
                self.carry(file_id)
        except (UnavailableError, SQLAlchemyError) as error:
            log.warning("the search server gets recordings %s later: %s", file_ids, error)

    def carry(self, file_id: int) -> None:
        """Bring one recording to the server. Raises UnavailableError; then it stays noted."""
        with self._engine.begin() as connection:
            noted = connection.execute(text(TAKE), {"file_id": file_id}).one_or_none()
            if noted is None:
                return
            with Session(bind=connection) as session:
                document = read_document(session, file_id)
            known = generations.read_generations(connection, self.prefix)
            for generation in _that_lack_it(known, is_change=noted.is_change):
                if document is None:
                    self._remove(generation, file_id, noted.version)
                else:
                    self._write(generation, document, noted.version)
                if generation.state == "live":
                    self._server.refresh(generation.files, generation.chunks)
            connection.execute(text(DONE), {"file_id": file_id})

    def _write(self, generation: Generation, document: Document, version: int) -> None:
        bound = self._server.value(generation.files, str(document.file_id), "chunk_bound") or 0
        for dimensions in document.dimensions:
            self._ensure_vectors(generation, dimensions)
        self._server.write([document.file_action(generation, version, bound)])
        self._server.write(document.chunk_actions(generation, version))
        if bound > document.chunk_bound:
            self._server.forget_chunks(generation.chunks, document.file_id, version)

    def _remove(self, generation: Generation, file_id: int, version: int) -> None:
        """The recording itself last: while it is there, so may be chunks of it."""
        if self._server.value(generation.files, str(file_id), "chunk_bound") is not None:
            self._server.forget_chunks(generation.chunks, file_id, version + 1)
            self._server.write([removal(generation, file_id, version)])

    def catch_up(self) -> int:
        """Carry what is noted, oldest first; how many. Raises UnavailableError."""
        self.ensure_generation()
        with self._engine.begin() as connection:
            statement = "SELECT file_id FROM derived.search_outbox ORDER BY since LIMIT :most"
            waiting = connection.scalars(text(statement), {"most": CARRIED_AT_ONCE}).all()
        with ThreadPoolExecutor(CARRIERS) as carriers:
            carried = sum(carriers.map(self._try_to_carry, waiting))
        if carried == len(waiting) < CARRIED_AT_ONCE:
            self._finish_filling()
        return carried

    def _try_to_carry(self, file_id: int) -> bool:
        """One that the server refuses holds up no other; it stays noted."""
        try:
            self.carry(file_id)
        except UnavailableError as error:
            log.warning("recording %s is not on the search server yet: %s", file_id, error)
            return False
        return True

    def ensure_generation(self) -> None:
        """A generation to write to. One whose indexes were lost on the server, or are those of
        another database, is begun anew from what PostgreSQL has. Raises UnavailableError."""
        with self._engine.begin() as connection:
            connection.execute(text(LOCK))
            known = generations.read_generations(connection, self.prefix)
            current = [one for one in known if one.state in ("live", "filling")]
            if current and self._server.identity(current[-1].chunks) == current[-1].identity:
                return
            made = generations.make_generation(self._server, connection, self.prefix, "filling")
            for one in known:
                generations.drop(self._server, connection, one)
            connection.execute(text(NOTE_ALL))
            log.info("the search server is filled anew, generation %s", made.name)

    def _finish_filling(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(LOCK))
            for one in generations.read_generations(connection, self.prefix):
                if one.state == "filling" and self._is_filled(connection, one):
                    generations.settle(self._server, one)
                    generations.publish(self._server, one)
                    generations.set_live(connection, one)

    def _is_filled(self, connection: Connection, generation: Generation) -> bool:
        older = text(
            "SELECT NOT EXISTS (SELECT FROM derived.search_outbox o, derived.search_generation g"
            " WHERE g.name = :name AND o.since <= g.made_at + interval '1 second')"
        )
        return bool(connection.scalar(older, {"name": generation.name}))

    def _ensure_vectors(self, generation: Generation, dimensions: int) -> None:
        if (generation.name, dimensions) not in self._vectors:
            generations.ensure_vectors(self._server, generation, dimensions)
            self._vectors.add((generation.name, dimensions))


def _that_lack_it(known: Sequence[Generation], *, is_change: bool) -> list[Generation]:
    """What is as it was needs not be brought to a generation that answers, while another is made
    to take its place; otherwise it may mend something there."""
    lacking = [one for one in known if one.state != "kept"]
    if not is_change and any(one.state == "building" for one in lacking):
        lacking = [one for one in lacking if one.state != "live"]
    return lacking


def _forget(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info[CHANGED] = set()
