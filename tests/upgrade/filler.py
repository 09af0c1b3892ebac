"""Rows for every table of any schema, made by the catalogue alone: each row differs in each column
that may differ, links lead to rows that are there, optional columns are empty now and then."""

from __future__ import annotations

from collections.abc import Iterator

from tests.upgrade.database import Connection

FIRST = 1000

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, NULL), a.atttypmod - 4, a.attnotnull,
       t.typtype = 'e',
       EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisunique
               AND a.attnum = ANY (x.indkey)),
       (SELECT k.confrelid::regclass::text FROM pg_constraint k
        WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.conkey = ARRAY[a.attnum] LIMIT 1)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
      AND c.relname NOT IN ('alembic_version', 'schema_ledger', 'schema_compatibility')
ORDER BY c.relname, a.attnum
"""

_BY_TARGET = "CASE WHEN i % 2 = 0 THEN {even} ELSE {odd} END"
#: What checks ask for; ``i`` counts the rows from 1.
SPECIAL = {
    ("user", "role"): "(ARRAY['user', 'admin', 'super_admin'])[1 + i % 3]",
    ("user", "auth_type"): "(ARRAY['local', 'ldap', 'keycloak', 'pki'])[1 + i % 4]",
    ("user_group_member", "role"): "(ARRAY['owner', 'admin', 'member'])[1 + i % 3]",
    ("collection_share", "permission"): "(ARRAY['viewer', 'editor'])[1 + i % 2]",
    ("collection_share", "target_type"): _BY_TARGET.format(even="'user'", odd="'group'"),
    ("collection_share", "target_user_id"): f"CASE WHEN i % 2 = 0 THEN {FIRST} + i END",
    ("collection_share", "target_group_id"): f"CASE WHEN i % 2 = 1 THEN {FIRST} + i END",
    ("speaker_match", "speaker1_id"): f"{FIRST} + 2 * ((i + 1) / 2) - 1",
    ("speaker_match", "speaker2_id"): f"{FIRST} + 2 * ((i + 1) / 2)",
    ("summary_prompt", "is_system_default"): "false",
    ("media_file", "status"): "(ARRAY['pending', 'completed', 'error'])[1 + i % 3]",
}
#: Tables that point back at their children; such links stay empty.
LOOPS = frozenset({"speaker_cluster"})
#: Rows of these tables that could not exist twice.
ONLY = {"speaker_match": "i % 2 = 1"}


def fill(connection: Connection, rows: int = 50) -> list[str]:
    """Fills every table of ``public``, parents first; gives their names."""
    tables: dict[str, list[tuple[object, ...]]] = {}
    for table, *column in connection.execute(_COLUMNS):
        tables.setdefault(table, []).append(tuple(column))
    order = list(_parents_first(tables))
    for table in order:
        names = ", ".join(f'"{column[0]}"' for column in tables[table])
        values = ", ".join(_value(rows, table, *column) for column in tables[table])
        connection.execute(
            f'INSERT INTO public."{table}" ({names}) SELECT {values}'
            f" FROM generate_series(1, {rows}) AS i WHERE {ONLY.get(table, 'true')}".encode()
        )
    return order


def _parents_first(tables: dict[str, list[tuple[object, ...]]]) -> Iterator[str]:
    """Links that may be empty (and are left so, see `_value`) do not count."""
    left = {
        table: {str(c[-1]).strip('"') for c in columns if c[-1]} - LOOPS - {table}
        for table, columns in tables.items()
    }
    while left:
        ready = [table for table, parents in left.items() if not parents & left.keys()]
        assert ready, f"tables in a circle: {left}"
        for table in ready:
            del left[table]
        yield from ready


def _value(
    rows: int,
    table: str,
    name: str,
    kind: str,
    length: int,
    required: bool,
    is_enum: bool,
    is_unique: bool,
    target: str | None,
) -> str:
    if (table, name) in SPECIAL:
        return SPECIAL[table, name] + (f"::{kind}" if is_enum else "")
    if target and target.strip('"') in LOOPS and not required:
        return "NULL"
    if target:
        return f"{FIRST} + i" if is_unique else f"{FIRST} + 1 + (i * 7) % {rows}"
    if name == "id" and kind in {"integer", "bigint"}:
        return f"{FIRST} + i"
    value = _by_type(kind, name, length, is_enum=is_enum)
    return value if required or is_unique else f"CASE WHEN i % 5 <> 0 THEN {value} END"


def _by_type(kind: str, name: str, length: int, *, is_enum: bool) -> str:
    if is_enum:
        return f"(enum_range(NULL::{kind}))[1]"
    text = f"i || ' {name} é''\\\"|' || md5(i::text)"
    return {
        "character varying": f"left({text}, {length})" if length > 0 else text,
        "text": f"{text} || repeat(' and so on', i)",
        "uuid": "md5(i::text)::uuid" if name != "uuid" else "gen_random_uuid()",
        "boolean": "i % 2 = 0",
        "integer": "i * 3",
        "bigint": "i::bigint * 4000000000",
        "real": "sqrt(i)::real",
        "double precision": "sqrt(i)",
        "jsonb": "jsonb_build_object('n', i, 'é', ARRAY[1.5, i])",
        "bytea": "decode(md5(i::text), 'hex')",
        "timestamp with time zone": "'2026-01-01 00:00:00.123456+00'::timestamptz + i * '7 h'::interval",
        "real[]": "ARRAY[sqrt(i)::real, i::real]",
    }[kind]
