"""What a backup asks the database; every statement of the feature that reads tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import sql

from opentranscribe.work.databases import Connection

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
_OBJECT_KEYS = """
SELECT DISTINCT key FROM (
    SELECT unnest(ARRAY[storage_path, thumbnail_path, peaks_path]) AS key FROM public.media_file
) AS named WHERE key <> '' ORDER BY 1
"""
_CLIP_KEYS = f"""
SELECT DISTINCT storage_path FROM public.speaker_audio_clip
WHERE storage_path <> '' AND storage_path NOT IN ({_OBJECT_KEYS}) ORDER BY 1
"""  # noqa: S608
_STILL_NAMED = f"SELECT key FROM ({_OBJECT_KEYS}) AS named WHERE key = ANY(%s)"  # noqa: S608
_SCHEMA_KEY = """
WITH kept AS (SELECT oid FROM pg_namespace
              WHERE nspname NOT LIKE 'pg\\_%%' AND nspname <> 'information_schema'
                AND nspname <> ALL(%s))
SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
    SELECT concat_ws('|', 'n', n.nspname, n.nspowner)
    FROM pg_namespace n JOIN kept ON kept.oid = n.oid
    UNION ALL
    SELECT concat_ws('|', 'c', c.oid, c.relname, c.relkind, c.relpersistence,
           COALESCE(c.reloptions::text, ''), COALESCE(pg_get_viewdef(c.oid), ''))
    FROM pg_class c JOIN kept ON kept.oid = c.relnamespace WHERE c.relkind IN ('v', 'm', 'r', 'S')
    UNION ALL
    SELECT concat_ws('|', 'a', a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod,
           a.attnotnull, a.attidentity::text, a.attgenerated::text, a.attstorage::text,
           a.attcollation, COALESCE(pg_get_expr(d.adbin, d.adrelid), ''))
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN kept ON kept.oid = c.relnamespace
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT concat_ws('|', 'k', k.conname, k.conrelid, pg_get_constraintdef(k.oid))
    FROM pg_constraint k JOIN kept ON kept.oid = k.connamespace
    UNION ALL
    SELECT concat_ws('|', 'i', pg_get_indexdef(x.indexrelid))
    FROM pg_index x
    JOIN pg_class c ON c.oid = x.indrelid JOIN kept ON kept.oid = c.relnamespace
    UNION ALL
    SELECT concat_ws('|', 'g', pg_get_triggerdef(g.oid), g.tgenabled::text)
    FROM pg_trigger g
    JOIN pg_class c ON c.oid = g.tgrelid JOIN kept ON kept.oid = c.relnamespace
    WHERE NOT g.tgisinternal
    UNION ALL
    SELECT concat_ws('|', 'p', pg_get_functiondef(p.oid))
    FROM pg_proc p JOIN kept ON kept.oid = p.pronamespace
    WHERE p.prokind IN ('f', 'p')
    UNION ALL
    SELECT concat_ws('|', 't', t.typname, COALESCE(string_agg(e.enumlabel,
           ',' ORDER BY e.enumsortorder), ''))
    FROM pg_type t JOIN kept ON kept.oid = t.typnamespace
    LEFT JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY t.oid, t.typname
    UNION ALL
    SELECT concat_ws('|', 'q', s.seqrelid, s.seqtypid, s.seqstart, s.seqincrement, s.seqmax,
           s.seqmin, s.seqcache, s.seqcycle)
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN kept ON kept.oid = c.relnamespace
    UNION ALL
    SELECT concat_ws('|', 'd', classoid, objoid, objsubid, description)
    FROM pg_description
    WHERE objoid >= 16384
    UNION ALL
    SELECT concat_ws('|', 'e', extname, extversion)
    FROM pg_extension
    UNION ALL
    SELECT 'v' || version()
) AS described (line)
"""
#: What ``age`` counts from, the same all through a transaction: less the age it is the number of the
#: transaction, which has no cast of its own that is as quick.
_NOW: LiteralString = "(SELECT 3::bigint + age('3'::xid))"
_RECONCILE: dict[str, LiteralString] = {
    "job": """UPDATE public.job SET status = 'queued', lease_owner = NULL, lease_until = NULL
              WHERE status = 'running'""",
    "upload": """UPDATE public.upload SET status = 'aborted'
                 WHERE status IN ('active', 'finishing')""",
    "user_session": "DELETE FROM public.user_session",
    "process_heartbeat": "DELETE FROM public.process_heartbeat",
}
#: Rows of one range of keys at most: what is read again when one of them changes.
RANGE_BITS = 11
RANGE_ROWS = 1 << RANGE_BITS
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


def mark_ranges(connection: Connection, table: Table) -> list[tuple[int, int, int]]:
    """Number, rows and mark of each range of keys that has rows, in order; one range where keys are
    no numbers."""
    if table.has_number_key:
        query = sql.SQL(
            "SELECT {key} >> {bits} AS part, count(*), bit_xor(hashtidextended(ctid,"
            " hashint8extended({key}, ({now} - age(xmin)) & 4294967295))) FROM {table}"
            " GROUP BY part"
        ).format(
            key=sql.Identifier(table.key[0]),
            bits=sql.Literal(RANGE_BITS),
            now=sql.SQL(_NOW),
            table=table.sql,
        )
    else:
        query = sql.SQL(
            "SELECT 0, count(*), bit_xor(hash_record_extended(ROW(xmin, ctid), 0)) FROM {table}"
            " HAVING count(*) > 0"
        ).format(table=table.sql)
    return sorted((int(a), int(b), int(c)) for a, b, c in connection.execute(query))


def identify(connection: Connection) -> str:
    """Which database of which server this is; another one after a restore."""
    row = connection.execute(
        "SELECT (SELECT system_identifier FROM pg_control_system()) || ':' || oid"
        " FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    assert row is not None
    return str(row[0])


def read_schema_key(connection: Connection) -> str:
    """Changes with everything that a schema-only dump shows."""
    row = connection.execute(_SCHEMA_KEY.encode(), (list(DERIVED),)).fetchone()
    assert row is not None
    return str(row[0])


def list_object_keys(connection: Connection) -> list[str]:
    """What rows name in the store of objects."""
    if not _has_files(connection):
        return []
    return [key for (key,) in connection.execute(_OBJECT_KEYS)]


def list_clip_keys(connection: Connection) -> list[str]:
    """What speakers' samples name besides. The earlier system's were never in our store."""
    row = connection.execute("SELECT to_regclass('public.speaker_audio_clip')").fetchone()
    if not row or row[0] is None or not _has_files(connection):
        return []
    return [key for (key,) in connection.execute(_CLIP_KEYS.encode())]


def still_named(connection: Connection, keys: list[str]) -> set[str]:
    """Those that rows name now."""
    if not _has_files(connection):
        return set()
    return {key for (key,) in connection.execute(_STILL_NAMED, (keys,))}


def _has_files(connection: Connection) -> bool:
    row = connection.execute(
        "SELECT count(*) = 3 FROM pg_attribute WHERE attrelid = to_regclass('public.media_file')"
        " AND attname IN ('storage_path', 'thumbnail_path', 'peaks_path')"
    ).fetchone()
    return bool(row and row[0])


def copy_in(table: Table) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    return sql.SQL("COPY {} ({}) FROM STDIN").format(table.sql, columns)


def set_sequences(connection: Connection, sequences: list[dict[str, Any]]) -> None:
    """``sequences`` as `list_sequences` gave them."""
    for one in sequences:
        name = sql.Identifier(one["schema"], one["name"]).as_string(connection)
        used = one["value"] is not None
        connection.execute(
            "SELECT setval(%s::regclass, %s, %s)",
            (name, one["value"] if used else one["start"], used),
        )


def reconcile(connection: Connection) -> None:
    """What was under way when the backup was made is taken up again, or ended where it cannot be.

    Jobs go back to the queue; uploads lost their bytes; nobody stays signed in, so that a session
    that was ended since does not come back to life.
    """
    for table, statement in _RECONCILE.items():
        row = connection.execute("SELECT to_regclass(%s)", (f"public.{table}",)).fetchone()
        if row and row[0] is not None:
            connection.execute(statement)


def ask(connection: Connection, question: str) -> int:
    """Read every row of the answer; how many."""
    return len(connection.execute(question.encode()).fetchall())


def sample_recordings(connection: Connection, count: int) -> list[str]:
    """Object keys of some that were good when the backup was made, others each time."""
    if not _has_files(connection):
        return []
    rows = connection.execute(
        "SELECT storage_path FROM public.media_file WHERE status = 'completed'"
        " AND storage_path <> '' ORDER BY random() LIMIT %s",
        (count,),
    )
    return [key for (key,) in rows]
