"""Whole databases by their URL: connected to, made, dropped and exchanged for each other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from opentranscribe.features.backup.errors import BackupFailedError, RestoreFailedError

#: Where one connects to while the database itself is made or renamed.
ADMINISTRATIVE = "postgres"
SWAP_TRIES = 50

Connection = psycopg.Connection[Any]


def name_of(url: str) -> str:
    return unquote(urlsplit(url).path.lstrip("/"))


def plain_url(url: str) -> str:
    """libpq's form of a URL, without SQLAlchemy's driver."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.split('+')[0]}{separator}{rest}"


def with_name(url: str, database: str) -> str:
    """The same server, another database, in libpq's form."""
    parts = urlsplit(plain_url(url))
    made = urlunsplit(("", "", f"/{database}", parts.query, ""))
    return f"{parts.scheme}://{parts.netloc}{made}"


def connect(url: str) -> Connection:
    """A connection in autocommit mode. Raises BackupFailedError."""
    try:
        return psycopg.connect(
            plain_url(url),
            autocommit=True,
            connect_timeout=10,
            application_name="opentranscribe backup",
        )
    except psycopg.OperationalError as error:
        raise BackupFailedError(
            f"PostgreSQL does not answer: {str(error).strip()}. Nothing was changed."
            " Check that it runs and that DATABASE_URL is right."
        ) from error


@contextmanager
def administer(url: str) -> Iterator[Connection]:
    with connect(with_name(url, ADMINISTRATIVE)) as connection:
        yield connection


def list_databases(connection: Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


def create_database(connection: Connection, database: str) -> None:
    _run(connection, "CREATE DATABASE {} TEMPLATE template0", database)


def drop_database(connection: Connection, database: str) -> None:
    _run(connection, "DROP DATABASE IF EXISTS {} WITH (FORCE)", database)


def exchange(connection: Connection, *, new: str, live: str, old: str) -> None:
    """``new`` takes the place of ``live``, which is called ``old`` from then on.

    Both renames are one transaction: whatever is killed, the server shows either the state before
    or the one after. Sessions are ended; the tries are for those that come back at once.
    Raises RestoreFailedError when they always do.
    """
    for _ in range(SWAP_TRIES):
        end_sessions(connection, live, new)
        try:
            with connection.transaction():
                _run(connection, "ALTER DATABASE {} RENAME TO {}", live, old)
                _run(connection, "ALTER DATABASE {} RENAME TO {}", new, live)
        except psycopg.errors.ObjectInUse:
            time.sleep(0.05)
        else:
            return
    raise RestoreFailedError(
        f"Programs keep connecting to the database {live}, so it cannot be exchanged. Nothing was"
        " changed. Stop them, then try again."
    )


def end_sessions(connection: Connection, *databases: str) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = ANY(%s) AND pid <> pg_backend_pid()",
        (list(databases),),
    )


def _run(connection: Connection, statement: LiteralString, *names: str) -> None:
    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
