"""What a backup asks the database; every statement of the feature that reads tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from opentranscribe.features.backup.databases import Connection

#: Can be rebuilt from the rest, and is.
DERIVED = ("derived", "queue")
#: Under these a value has one spelling, whatever the server or the session prefer.
CANONICAL = """
SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres';
SET extra_float_digits = 1; SET bytea_output = 'hex'; SET client_encoding = 'UTF8';
SET search_path = pg_catalog; SET statement_timeout = 0; SET lock_timeout = 0
"""
_SCHEMAS = """
SELECT nspname FROM pg_namespace
WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'derived', 'queue')
ORDER BY 1
"""
_TABLES = """
SELECT n.nspname, c.relname, c.oid::bigint,
       (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
       (SELECT array_agg(a.attname::text ORDER BY k.place)
        FROM pg_index x CROSS JOIN unnest(x.indkey) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
        WHERE x.indrelid = c.oid AND x.indisprimary),
       (SELECT min(a.atttypid::regtype::text)
        FROM pg_index x JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]
        WHERE x.indrelid = c.oid AND x.indisprimary)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname = ANY(%s)
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
"""
_EXTENSIONS = """
SELECT e.extname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE n.nspname = ANY(%s)
"""
_SEQUENCES = """
SELECT schemaname, sequencename, start_value, last_value FROM pg_sequences
WHERE schemaname = ANY(%s) ORDER BY 1, 2
"""
INTEGERS = {"smallint", "integer", "bigint"}


@dataclass(frozen=True)
class Table:
    """``columns`` are those that are stored; ``key`` is the primary key, perhaps of no columns."""

    schema: str
    name: str
    oid: int
    columns: tuple[str, ...]
    key: tuple[str, ...]
    has_number_key: bool

    @property
    def sql(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    @property
    def title(self) -> str:
        return f"{self.schema}.{self.name}"


@contextmanager
def open_snapshot(connection: Connection) -> Iterator[str]:
    """A read-only transaction that others can join; gives the name they join it by."""
    connection.execute(CANONICAL.encode())
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        yield str(row[0])
    finally:
        if not connection.closed:
            connection.execute("ROLLBACK")


def list_schemas(connection: Connection) -> list[str]:
    """Those that a backup takes along: all but the server's own and the derived ones."""
    return [name for (name,) in connection.execute(_SCHEMAS)]


def list_tables(connection: Connection, schemas: list[str]) -> list[Table]:
    return [
        Table(
            schema,
            name,
            oid,
            tuple(columns or ()),
            tuple(key or ()),
            has_number_key=len(key or ()) == 1 and kind in INTEGERS,
        )
        for schema, name, oid, columns, key, kind in connection.execute(_TABLES, (schemas,))
    ]


def count_rows(connection: Connection, table: Table) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table.sql)).fetchone()
    assert row is not None
    return int(row[0])


def list_derived_extensions(connection: Connection) -> list[str]:
    return [name for (name,) in connection.execute(_EXTENSIONS, (list(DERIVED),))]


def list_sequences(connection: Connection, schemas: list[str]) -> list[dict[str, Any]]:
    """``value`` is None for one that was never used."""
    return [
        {"schema": schema, "name": name, "start": start, "value": last}
        for schema, name, start, last in connection.execute(_SEQUENCES, (schemas,))
    ]


def read_revision(connection: Connection) -> str | None:
    """What the database says it is; None when it says nothing."""
    found = connection.execute("SELECT to_regclass('public.alembic_version')").fetchone()
    if not found or found[0] is None:
        return None
    rows = connection.execute("SELECT version_num FROM public.alembic_version ORDER BY 1")
    return ", ".join(name for (name,) in rows) or None


def server_major(connection: Connection) -> int:
    return connection.info.server_version // 10_000
