"""Whole databases: copied, swapped, dropped. Nothing here reads a table's rows, except to list what
was written since.

Names are made by us (``opentranscribe_before_20261123_071500``), never by a user.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

#: Where one connects to while the database itself is copied or renamed.
ADMINISTRATIVE = "postgres"


def name_of(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


def with_name(url: str, database: str) -> str:
    """The same server, another database, in the form that psycopg reads."""
    parts = urlsplit(url)
    scheme = parts.scheme.split("+")[0]
    # urlunsplit drops the empty host of a socket address, which libpq needs.
    made = urlunsplit((scheme, parts.netloc, f"/{database}", parts.query, ""))
    return made if "://" in made else made.replace(f"{scheme}:", f"{scheme}://", 1)


@contextmanager
def administer(url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(with_name(url, ADMINISTRATIVE)) as connection:
        yield connection


def connect(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(
        url, autocommit=True, connect_timeout=10, application_name="opentranscribe update"
    )


def list_databases(connection: psycopg.Connection[Any]) -> set[str]:
    return {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}


def size_of(connection: psycopg.Connection[Any], database: str) -> int:
    row = connection.execute("SELECT pg_database_size(%s)", (database,)).fetchone()
    return int(row[0]) if row else 0


def copy_database(connection: psycopg.Connection[Any], source: str, target: str) -> None:
    """All or nothing, made by the server itself; ``source`` must have no other sessions."""
    if target in list_databases(connection):
        return
    end_sessions(connection, source)
    _run(connection, "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", target, source)


def create_database(connection: psycopg.Connection[Any], database: str) -> None:
    """An empty one, with nothing that an administrator put into the template."""
    _run(connection, "CREATE DATABASE {} TEMPLATE template0", database)


def rename_database(connection: psycopg.Connection[Any], old: str, new: str) -> None:
    end_sessions(connection, old)
    _run(connection, "ALTER DATABASE {} RENAME TO {}", old, new)


def drop_database(connection: psycopg.Connection[Any], database: str) -> None:
    _run(connection, "DROP DATABASE IF EXISTS {} WITH (FORCE)", database)


def end_sessions(connection: psycopg.Connection[Any], database: str) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = %s AND pid <> pg_backend_pid()",
        (database,),
    )


def swap_in(connection: psycopg.Connection[Any], *, kept: str, live: str, aside: str) -> None:
    """``kept`` takes the place of ``live``, which is moved to ``aside``.

    May be cut off anywhere and run again: which names exist tells how far it came.
    """
    if kept not in list_databases(connection):
        return
    if live in list_databases(connection):
        rename_database(connection, live, aside)
    rename_database(connection, kept, live)


def count_rows(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Rows of each of our tables, exact."""
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    ).fetchall()
    counted = {}
    for (table,) in tables:
        query = sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(table))
        row = connection.execute(query).fetchone()
        counted[table] = int(row[0]) if row else 0
    return counted


def list_files_since(connection: psycopg.Connection[Any], newest_id: int) -> list[dict[str, Any]]:
    """Recordings that were added after the one with that id."""
    rows = connection.execute(
        "SELECT m.uuid::text, m.filename, u.email, m.upload_time::text FROM public.media_file m"
        ' JOIN public."user" u ON u.id = m.user_id WHERE m.id > %s ORDER BY m.id',
        (newest_id,),
    ).fetchall()
    return [dict(zip(("uuid", "filename", "owner", "uploaded"), row, strict=True)) for row in rows]


def newest_file(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT COALESCE(max(id), 0) FROM public.media_file").fetchone()
    return int(row[0]) if row else 0


def _run(connection: psycopg.Connection[Any], statement: LiteralString, *names: str) -> None:
    identifiers = [sql.Identifier(name) for name in names]
    connection.execute(sql.SQL(statement).format(*identifiers))
