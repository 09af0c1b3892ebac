"""The catalogue of a schema as plain lines, so that two databases can be compared.

The lines leave out what PostgreSQL versions and histories spell differently without meaning
anything: NOT NULL as a constraint of its own (from 18 on), and, in `fingerprint`, the names of
constraints, indexes and sequences and the spelling that a dump and its restore leave behind.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import psycopg

Catalogue = dict[str, str]

_COLUMNS = """
SELECT 'column ' || c.relname || '.' || a.attname,
       format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
       || CASE WHEN a.attidentity <> '' THEN ' identity' ELSE '' END
       || CASE WHEN a.attgenerated <> '' THEN ' generated' ELSE '' END
       || COALESCE(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = to_regnamespace(%(schema)s) AND a.attnum > 0 AND NOT a.attisdropped
"""

_CONSTRAINTS = """
SELECT 'constraint ' || quote_ident(c.relname) || '.' || k.conname, pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = to_regnamespace(%(schema)s) AND k.contype <> 'n'
"""

_INDEXES = """
SELECT 'index ' || t.relname || '.' || i.relname,
       CASE WHEN x.indisunique THEN 'unique ' ELSE '' END
       || regexp_replace(pg_get_indexdef(x.indexrelid), '^.*? USING ', '')
       || CASE WHEN x.indisvalid THEN '' ELSE ' INVALID' END
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class t ON t.oid = x.indrelid
WHERE t.relnamespace = to_regnamespace(%(schema)s)
  AND NOT EXISTS (SELECT FROM pg_constraint k
                  WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x'))
"""

_OTHERS = """
SELECT 'type ' || t.typname, string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder)
FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid
WHERE t.typnamespace = to_regnamespace(%(schema)s) GROUP BY t.typname
UNION ALL
SELECT 'view ' || c.relname, pg_get_viewdef(c.oid)
FROM pg_class c WHERE c.relkind IN ('v', 'm') AND c.relnamespace = to_regnamespace(%(schema)s)
UNION ALL
SELECT 'trigger ' || c.relname || '.' || g.tgname, pg_get_triggerdef(g.oid)
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
WHERE NOT g.tgisinternal AND c.relnamespace = to_regnamespace(%(schema)s)
"""

_ENTRY = re.compile(r"^(constraint|index) (.+)\.[^.]+$")
_TEXT_CAST = re.compile(r"::(?:text|character varying(?:\(\d+\))?)(?:\[\])?")
_ATOM_IN_BRACKETS = re.compile(r"(?<![\w\"])\(('(?:[^']|'')*'|\w+)\)")
_ARRAY_IN_BRACKETS = re.compile(r"\((ARRAY\[[^\]]*\])\)")
_SEQUENCE = re.compile(r"nextval\('[^']*'::regclass\)")


def read_catalogue(connection: psycopg.Connection[Any], schema: str = "public") -> Catalogue:
    """Every column, constraint, index, enum, view and trigger of ``schema``, by kind and name.

    What another session drops in the middle of it has no definition any more, and is left out.
    """
    catalogue: Catalogue = {}
    for query in (_COLUMNS, _CONSTRAINTS, _INDEXES, _OTHERS):
        for key, value in connection.execute(query, {"schema": schema}):
            if value is not None:
                catalogue[key] = value
    return catalogue


def digest(catalogue: Catalogue) -> str:
    """SHA-256 of a catalogue, names included."""
    return _sha256(f"{key} = {value}" for key, value in catalogue.items())


def fingerprint(catalogue: Catalogue) -> str:
    """SHA-256 of what a catalogue means: names of constraints and indexes do not count."""
    return _sha256(
        f"{meaning} = {value}"
        for meaning, value in (meaning_of(key, value) for key, value in catalogue.items())
    )


@lru_cache(maxsize=20_000)
def meaning_of(key: str, value: str) -> tuple[str, str]:
    """A line without what does not matter: the name of a constraint or index, and spelling."""
    return _ENTRY.sub(lambda m: f"{m[1]} {m[2]}", key), normalise(key, value)


@lru_cache(maxsize=20_000)
def normalise(key: str, value: str) -> str:
    """One spelling for what PostgreSQL writes differently before a dump and after its restore."""
    if key.startswith("column "):
        value = value.replace("CURRENT_TIMESTAMP", "now()")
        return _SEQUENCE.sub("nextval(serial)", value)
    if "CHECK" in value or " WHERE " in value:
        value, before = _TEXT_CAST.sub("", value), ""
        while value != before:
            before = value
            value = _ARRAY_IN_BRACKETS.sub(r"\1", _ATOM_IN_BRACKETS.sub(r"\1", value))
    return value


def _sha256(lines: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps(sorted(lines)).encode()).hexdigest()
