"""Connections to PostgreSQL on which nobody waits for ever.

A server that was stopped or whose disk hangs keeps its sockets open and says nothing: without a
limit on our side every request would wait until it comes back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection

RV = TypeVar("RV")

CONNECT_SECONDS = 3
#: For the question whether a pooled connection still works.
PING_SECONDS = 2.0
WAIT_INTERVAL_SECONDS = 0.1
#: Somebody who holds rows and has died with his machine is forgotten after this long.
IDLE_IN_TRANSACTION_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one statement may take, and how long it may wait for a lock, in seconds."""

    statement_seconds: int
    lock_seconds: int

    @property
    def answer_seconds(self) -> float:
        """A server that lives ends the statement itself; this is for one that does not."""
        return self.statement_seconds + 5.0


#: Somebody is looking at the page.
OF_REQUESTS = Patience(statement_seconds=15, lock_seconds=5)
#: Nobody is; but a lease must not outlive its owner's patience by much.
OF_WORKERS = Patience(statement_seconds=300, lock_seconds=60)


class BoundedConnection(psycopg.Connection[Any]):
    """Closes itself and raises OperationalError when the server is silent for too long."""

    answer_seconds = OF_WORKERS.answer_seconds

    def wait(
        self,
        gen: PQGen[RV],
        interval: float = WAIT_INTERVAL_SECONDS,
        timeout: float | None = None,
    ) -> RV:
        began = time.monotonic()
        limit = self.answer_seconds if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except psycopg.Error as error:
            if timeout is not None or time.monotonic() - began < limit:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(
                f"the database has not answered for {limit:g} seconds"
            ) from error


def bounded_engine(url: str, patience: Patience, pool_size: int) -> Engine:
    """An engine whose statements, locks, connecting and waiting all have an end."""
    limits = {
        "statement_timeout": patience.statement_seconds,
        "lock_timeout": patience.lock_seconds,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_SECONDS,
    }
    given = make_url(url).query.get("options", "")
    ours = " ".join(f"-c {name}={seconds}s" for name, seconds in limits.items())
    # Whatever zone the server is set to: times come as UTC, as HTTP headers want them.
    ours += " -c timezone=UTC"
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size * 2,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "opentranscribe",
            "options": f"{ours} {given}".strip(),
        },
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, words: Any, options: Any) -> DBAPIConnection:
        connection = BoundedConnection.connect(*words, **options)
        connection.answer_seconds = patience.answer_seconds
        return connection  # type: ignore[return-value]

    _hurry_pings(engine)
    return engine


def _hurry_pings(engine: Engine) -> None:
    ping = engine.dialect.do_ping

    def hurried(connection: Any) -> bool:
        patient, connection.answer_seconds = connection.answer_seconds, PING_SECONDS
        try:
            return ping(connection)
        finally:
            connection.answer_seconds = patient

    engine.dialect.do_ping = hurried  # type: ignore[method-assign, assignment]
