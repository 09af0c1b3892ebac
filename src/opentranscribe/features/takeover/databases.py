"""The database aside: made, handed to a role that may do nothing else, taken back, put in place."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from opentranscribe.features.takeover.errors import TakeoverFailedError

ADMINISTRATIVE = "postgres"
PREFIX = "opentr_import_"
SWAP_TRIES = 50

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Scratch:
    """``url`` is ours; ``guest_url`` that of the role which reads the dump. They are the same where
    we are no superuser ourselves and could do no harm."""

    name: str
    url: str
    guest_url: str
    guest: str | None


def plain_url(url: str) -> str:
    """libpq's form of a URL, without SQLAlchemy's driver."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.split('+')[0]}{separator}{rest}"


def name_of(url: str) -> str:
    return unquote(urlsplit(url).path.lstrip("/"))


def rename(url: str, database: str, who: str | None = None) -> str:
    """The same server, another database and perhaps another user (``name:password``)."""
    parts = urlsplit(plain_url(url))
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{who}@{host}" if who else parts.netloc
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{netloc}/{database}{query}"


@contextmanager
def open_connection(url: str) -> Iterator[Connection]:
    """In autocommit mode. Raises TakeoverFailedError."""
    try:
        connection = psycopg.connect(
            plain_url(url),
            autocommit=True,
            connect_timeout=10,
            application_name="opentranscribe import",
        )
    except psycopg.OperationalError as error:
        raise TakeoverFailedError(
            f"PostgreSQL does not answer: {str(error).strip()}. Nothing was changed."
        ) from error
    with connection:
        yield connection


@contextmanager
def administer(url: str) -> Iterator[Connection]:
    with open_connection(rename(url, ADMINISTRATIVE)) as connection:
        yield connection


def make_scratch(url: str) -> Scratch:
    """An empty database on the server of ``url``. What a killed import left behind is removed."""
    name = f"{PREFIX}{secrets.token_hex(6)}"
    with administer(url) as connection:
        _remove_left_behind(connection)
        guest, guest_url = None, rename(url, name)
        if _is_superuser(connection):
            guest, password = name, secrets.token_urlsafe(24)
            connection.execute(
                sql.SQL(
                    "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"
                    " PASSWORD {}"
                ).format(sql.Identifier(name), sql.Literal(password))
            )
            guest_url = rename(url, name, f"{name}:{password}")
        _run(connection, "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", name)
        if guest:
            _run(connection, "ALTER DATABASE {} OWNER TO {}", name, guest)
    return Scratch(name, rename(url, name), guest_url, guest)


def take_back(scratch: Scratch) -> None:
    """The guest's things become ours, and the guest is gone."""
    if scratch.guest is None:
        return
    with open_connection(scratch.url) as connection:
        end_sessions(connection, scratch.name)
        _run(connection, "REASSIGN OWNED BY {} TO CURRENT_USER", scratch.guest)
        _run(connection, "DROP OWNED BY {}", scratch.guest)
        _run(connection, "ALTER DATABASE {} RESET ALL", scratch.name)
        _run(connection, "DROP ROLE {}", scratch.guest)


def drop_scratch(scratch: Scratch) -> None:
    with administer(scratch.url) as connection:
        _run(connection, "DROP DATABASE IF EXISTS {} WITH (FORCE)", scratch.name)
        if scratch.guest:
            _run(connection, "DROP ROLE IF EXISTS {}", scratch.guest)


def exchange(scratch: Scratch, live: str) -> None:
    """The scratch database takes the place of ``live``, which is dropped after that.

    Both renames are one transaction: whatever is killed, the server shows either the state before
    or the one after. Raises TakeoverFailedError when programs keep coming back to it.
    """
    old = f"{scratch.name}_old"
    with administer(scratch.url) as connection:
        for _ in range(SWAP_TRIES):
            end_sessions(connection, live, scratch.name)
            try:
                with connection.transaction():
                    _run(connection, "ALTER DATABASE {} RENAME TO {}", live, old)
                    _run(connection, "ALTER DATABASE {} RENAME TO {}", scratch.name, live)
            except psycopg.errors.ObjectInUse:
                time.sleep(0.05)
            else:
                _run(connection, "DROP DATABASE IF EXISTS {} WITH (FORCE)", old)
                return
    raise TakeoverFailedError(
        f"Programs keep connecting to the database {live}, so it cannot be exchanged. Nothing was"
        " changed. Stop them, then try again."
    )


def end_sessions(connection: Connection, *databases: str) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = ANY(%s) AND pid <> pg_backend_pid()",
        (list(databases),),
    )


def _remove_left_behind(connection: Connection) -> None:
    names = connection.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (PREFIX,)
    ).fetchall()
    for (name,) in names:
        _run(connection, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    roles = connection.execute(
        "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", (PREFIX,)
    ).fetchall()
    for (name,) in roles:
        _run(connection, "DROP ROLE IF EXISTS {}", name)


def _is_superuser(connection: Connection) -> bool:
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    found = row.fetchone()
    return bool(found and found[0])


def _run(connection: Connection, statement: LiteralString, *names: str) -> None:
    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
