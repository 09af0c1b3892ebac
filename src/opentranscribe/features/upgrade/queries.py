"""What an update asks of the databases: which rows there are, and the swap that may be cut off."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from opentranscribe.work.databases import Connection, list_databases, rename_database


def swap_in(connection: Connection, *, kept: str, live: str, aside: str) -> None:
    """``kept`` takes the place of ``live``, which is moved to ``aside``.

    May be cut off anywhere and run again: which names exist tells how far it came.
    """
    if kept not in list_databases(connection):
        return
    if live in list_databases(connection):
        rename_database(connection, live, aside)
    rename_database(connection, kept, live)


def measure_database(connection: Connection, database: str) -> int:
    """Bytes on the server's disk."""
    row = connection.execute("SELECT pg_database_size(%s::name)", (database,)).fetchone()
    return int(row[0]) if row else 0


def count_rows(connection: Connection) -> dict[str, int]:
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


def list_files_since(connection: Connection, newest_id: int) -> list[dict[str, Any]]:
    """Recordings that were added after the one with that id."""
    rows = connection.execute(
        "SELECT m.uuid::text, m.filename, u.email, m.upload_time::text FROM public.media_file m"
        ' JOIN public."user" u ON u.id = m.user_id WHERE m.id > %s ORDER BY m.id',
        (newest_id,),
    ).fetchall()
    return [dict(zip(("uuid", "filename", "owner", "uploaded"), row, strict=True)) for row in rows]


def has_rows(connection: Connection, table: str) -> bool:
    """False where there is no such table."""
    found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (f"public.{table}",))
    if not (found.fetchone() or (False,))[0]:
        return False
    query = sql.SQL("SELECT EXISTS (SELECT 1 FROM public.{})").format(sql.Identifier(table))
    row = connection.execute(query).fetchone()
    return bool(row and row[0])


def newest_file(connection: Connection) -> int:
    row = connection.execute("SELECT COALESCE(max(id), 0) FROM public.media_file").fetchone()
    return int(row[0]) if row else 0
