"""What a restore of single recordings asks of the live database, and how rows come into it.

All of it happens in the caller's transaction. Rows of the backup lie in temporary tables first, one
a table, where they get their new ids and references before they are let in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from opentranscribe.work.databases import Connection

_REFERENCES = """
SELECT c.relname, a.attname, p.relname, a.attnotnull,
       k.confdeltype IN ('n', 'd')
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
JOIN pg_index x ON x.indrelid = k.confrelid AND x.indisprimary AND x.indkey[0] = k.confkey[1]
WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace AND cardinality(k.conkey) = 1
ORDER BY 1, 2
"""
_UNIQUE = """
SELECT c.relname, (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
                   WHERE a.attrelid = c.oid AND a.attnum = ANY(x.indkey))
FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid
WHERE x.indisunique AND NOT x.indisprimary AND x.indexprs IS NULL AND x.indpred IS NULL
  AND c.relnamespace = 'public'::regnamespace ORDER BY 1, 2
"""
#: Objects of the store that a row names, by table.
OBJECT_COLUMNS = {
    "media_file": ("storage_path", "thumbnail_path", "peaks_path"),
    "speaker_audio_clip": ("storage_path",),
}


@dataclass(frozen=True)
class Reference:
    """``is_part``: the row goes when the one that it refers to goes."""

    table: str
    column: str
    parent: str
    is_required: bool
    is_part: bool


@dataclass(frozen=True)
class NamedObject:
    """``key`` is what the row names in the column; ``old_uuid`` is its public id in the backup,
    where it has a new one."""

    table: str
    column: str
    row: int
    key: str
    uuid: str
    old_uuid: str | None

    def key_of_copy(self) -> str:
        if self.old_uuid is not None and self.old_uuid in self.key:
            return self.key.replace(self.old_uuid, self.uuid)
        return f"{self.key}-{self.uuid}"


def list_references(connection: Connection) -> list[Reference]:
    return [
        Reference(table, column, parent, required, required or not is_set_null)
        for table, column, parent, required, is_set_null in connection.execute(_REFERENCES)
    ]


def list_unique_keys(connection: Connection) -> dict[str, list[tuple[str, ...]]]:
    """Keys other than the primary one, by table."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for table, names in connection.execute(_UNIQUE):
        found.setdefault(table, []).append(tuple(names))
    return found


def temporary(table: str) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"taken {table}")


def _live(table: str) -> sql.Identifier:
    return sql.Identifier("public", table)


def make_temporary(connection: Connection, table: str, columns: Sequence[str]) -> None:
    """``_own``: to be restored, not only referred to; ``_new``: its id here; ``_there``: it is here
    already."""
    _run(
        connection,
        "CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS SELECT {columns}, NULL::boolean AS _own,"
        " NULL::bigint AS _new, NULL::boolean AS _there, NULL::uuid AS _old_uuid FROM {live} LIMIT 0",
        name=sql.Identifier(f"taken {table}"),
        columns=_listed(columns),
        live=_live(table),
    )


def copy_in(
    connection: Connection, table: str, columns: Sequence[str], rows: Iterable[bytes], *, own: bool
) -> None:
    query = sql.SQL("COPY {} ({}) FROM STDIN").format(temporary(table), _listed(columns))
    with connection.cursor().copy(query) as copy:
        for row in rows:
            copy.write(row)
    _run(
        connection,
        "UPDATE {name} SET _own = {own}, _there = false WHERE _own IS NULL",
        name=temporary(table),
        own=sql.Literal(own),
    )


def prepare(connection: Connection, table: str) -> None:
    """Once all its rows are in: what follows joins by id."""
    _run(connection, "CREATE INDEX ON {name} (id)", name=temporary(table))
    _run(connection, "ANALYZE {name}", name=temporary(table))


def refer(connection: Connection, reference: Reference) -> int:
    """Give the column the id that its parent has here. Where that is nowhere the column is empty,
    or, for a part of it, the row is left out; how many were."""
    names = {
        "name": temporary(reference.table),
        "parent": temporary(reference.parent),
        "column": sql.Identifier(reference.column),
    }
    gone = 0
    if reference.is_part:
        query = sql.SQL(
            "WITH gone AS (DELETE FROM {name} AS t WHERE t.{column} IS NOT NULL AND NOT EXISTS"
            " (SELECT FROM {parent} AS p WHERE p.id = t.{column} AND p._new IS NOT NULL)"
            " RETURNING t._own) SELECT count(*) FILTER (WHERE _own) FROM gone"
        ).format(**names)
        row = connection.execute(query).fetchone()
        gone = int(row[0]) if row else 0
    _run(
        connection,
        "UPDATE {name} AS t SET {column} ="
        " (SELECT p._new FROM {parent} AS p WHERE p.id = t.{column})"
        " WHERE t.{column} IS NOT NULL",
        **names,
    )
    return gone


def match(connection: Connection, table: str, key: Sequence[str], *, own: bool) -> None:
    """Rows that are here already, by a key that names a row (its columns refer to rows here).
    Not ``own``: of those that are only referred to."""
    both = sql.SQL(" AND ").join(
        sql.SQL("l.{0} = t.{0}").format(sql.Identifier(name)) for name in key
    )
    _run(
        connection,
        "UPDATE {name} AS t SET _new = l.id, _there = true FROM {live} AS l"
        " WHERE {both} AND NOT t._there AND ({own} OR NOT t._own)",
        name=temporary(table),
        live=_live(table),
        both=both,
        own=sql.Literal(own),
    )


def drop_rows(connection: Connection, table: str, keep: Iterable[bytes]) -> None:
    """What is only referred to and is nowhere here, but for those ids that shall come along."""
    _run(
        connection,
        "DELETE FROM {name} WHERE NOT _own AND NOT _there AND id <> ALL({keep}::bigint[])",
        name=temporary(table),
        keep=sql.Literal([int(one) for one in keep]),
    )


def give_ids(connection: Connection, table: str, *, fresh: bool) -> None:
    """Its own where that is free and was given out before, else a new one. ``fresh``: new ones, and
    new public ids too."""
    serial = connection.execute(
        "SELECT pg_get_serial_sequence(%s, 'id')", (_live(table).as_string(connection),)
    ).fetchone()
    assert serial is not None
    names = {"name": temporary(table), "live": _live(table), "serial": sql.Literal(serial[0])}
    if not fresh:
        _run(
            connection,
            "UPDATE {name} AS t SET _new = t.id WHERE NOT t._there"
            " AND t.id <= COALESCE(pg_sequence_last_value({serial}::regclass), 0)"
            " AND NOT EXISTS (SELECT FROM {live} AS l WHERE l.id = t.id)",
            **names,
        )
    _run(
        connection,
        "UPDATE {name} SET _new = nextval({serial}::regclass) WHERE _new IS NULL",
        **names,
    )


def give_new_uuids(connection: Connection, table: str) -> None:
    _run(
        connection,
        "UPDATE {name} SET _old_uuid = uuid, uuid = gen_random_uuid() WHERE NOT _there",
        name=temporary(table),
    )


def let_in(
    connection: Connection, table: str, columns: Sequence[str], late: Sequence[str] = ()
) -> int:
    """Rows that are not here yet; how many. ``late`` columns stay empty for now."""
    others = [name for name in columns if name != "id"]
    values = [sql.SQL("NULL") if name in late else sql.Identifier(name) for name in others]
    return _run(
        connection,
        "INSERT INTO {live} (id, {columns}) OVERRIDING SYSTEM VALUE"
        " SELECT _new, {values} FROM {name} WHERE NOT _there ORDER BY _new",
        live=_live(table),
        columns=_listed(others),
        values=sql.SQL(", ").join(values),
        name=temporary(table),
    )


def refer_late(connection: Connection, reference: Reference) -> None:
    """For references in a circle, when the rows of both sides are in."""
    _run(
        connection,
        "UPDATE {live} AS l SET {column} = p._new FROM {name} AS t, {parent} AS p"
        " WHERE l.id = t._new AND NOT t._there AND p.id = t.{column} AND p._new IS NOT NULL",
        live=_live(reference.table),
        name=temporary(reference.table),
        parent=temporary(reference.parent),
        column=sql.Identifier(reference.column),
    )


def mend(connection: Connection, statement: LiteralString, table: str) -> None:
    """``{name}`` in the statement stands for the rows on their way in."""
    _run(connection, statement, name=temporary(table))


def list_live_uuids(connection: Connection, table: str, uuids: Iterable[str]) -> set[str]:
    query = sql.SQL("SELECT uuid::text FROM {} WHERE uuid = ANY(%s::uuid[])").format(_live(table))
    return {uuid for (uuid,) in connection.execute(query, (list(uuids),))}


def find_user(connection: Connection, uuid: str, email: str) -> int | None:
    row = connection.execute(
        'SELECT id FROM public."user" WHERE uuid = %s OR email = %s', (uuid, email)
    ).fetchone()
    return int(row[0]) if row else None


def list_restored_files(connection: Connection) -> list[tuple[int, str, str]]:
    """Id, public id and title of the recordings that were let in."""
    query = sql.SQL(
        "SELECT _new, uuid::text, COALESCE(NULLIF(title, ''), filename) FROM {}"
        " WHERE NOT _there ORDER BY _new"
    ).format(temporary("media_file"))
    return list(connection.execute(query).fetchall())


def list_named_objects(connection: Connection) -> list[NamedObject]:
    """Of the rows on their way in."""
    return [
        NamedObject(table, column, *row)
        for table, columns in OBJECT_COLUMNS.items()
        if _is_taken(connection, table)
        for column in columns
        for row in connection.execute(
            sql.SQL(
                "SELECT id, {column}, uuid::text, _old_uuid::text FROM {name}"
                " WHERE NOT _there AND {column} <> ''"
            ).format(column=sql.Identifier(column), name=temporary(table))
        )
    ]


def rename_object(connection: Connection, named: NamedObject, key: str) -> None:
    query = sql.SQL("UPDATE {} SET {} = %s WHERE id = %s").format(
        temporary(named.table), sql.Identifier(named.column)
    )
    connection.execute(query, (key, named.row))


def _is_taken(connection: Connection, table: str) -> bool:
    name = temporary(table).as_string(connection)
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone()
    return bool(row and row[0])


def _listed(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _run(connection: Connection, statement: LiteralString, **parts: sql.Composable) -> int:
    return connection.execute(sql.SQL(statement).format(**parts)).rowcount
