"""Things in the schema that a migration would trip over."""

from __future__ import annotations

from opentranscribe.features.upgrade.preflight.facts import SchemaObjects
from opentranscribe.features.upgrade.preflight.queries.connection import (
    Connection,
    fetch_all,
)

#: What the search index needs.
NEEDED_EXTENSIONS = ("pg_trgm", "vector")
#: Made by the queue's library, not by somebody else.
OWN_TRIGGER_PREFIX = "procrastinate_"

_INVALID = """
SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE NOT (i.indisvalid AND i.indisready) AND c.relkind = 'i'
  AND i.indexrelid NOT IN (SELECT index_relid FROM pg_stat_progress_create_index
                           WHERE index_relid IS NOT NULL)
ORDER BY 1
"""
_UNAVAILABLE = """
SELECT extname FROM pg_extension
WHERE extname NOT IN (SELECT name FROM pg_available_extensions) ORDER BY 1
"""
_LACKING = """
SELECT wanted FROM unnest(%s::text[]) AS wanted
WHERE wanted NOT IN (SELECT name FROM pg_available_extensions) ORDER BY 1
"""
# What an extension brought along belongs to it.
_TRIGGERS = """
SELECT t.tgrelid::regclass::text, t.tgname, t.tgenabled <> 'O'
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'queue')
  AND t.tgname NOT LIKE %s
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_trigger'::regclass
                  AND d.objid = t.oid AND d.deptype = 'e')
UNION ALL
SELECT t.tgrelid::regclass::text, t.tgname, true
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE t.tgisinternal AND t.tgenabled = 'D' AND c.relnamespace = 'public'::regnamespace
ORDER BY 1, 2
"""
_EVENT_TRIGGERS = """
SELECT evtname FROM pg_event_trigger e
WHERE evtenabled <> 'D' AND NOT EXISTS (
  SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass
  AND d.objid = e.oid AND d.deptype = 'e') ORDER BY 1
"""
_FOREIGN_TABLES = """
SELECT c.oid::regclass::text, pg_get_userbyid(c.relowner) FROM pg_class c
WHERE c.relkind IN ('r', 'p', 'S', 'v', 'm')
  AND c.relnamespace::regnamespace::text IN ('public', 'derived', 'queue')
  AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1
"""


def read_objects(connection: Connection) -> SchemaObjects:
    return SchemaObjects(
        invalid_indexes=_names(connection, _INVALID),
        unavailable_extensions=_names(connection, _UNAVAILABLE),
        lacking_extensions=_names(connection, _LACKING, list(NEEDED_EXTENSIONS)),
        triggers=tuple(
            (table, name, disabled)
            for table, name, disabled in fetch_all(connection, _TRIGGERS, f"{OWN_TRIGGER_PREFIX}%")
        ),
        event_triggers=_names(connection, _EVENT_TRIGGERS),
        foreign_tables=tuple(
            (table, owner) for table, owner in fetch_all(connection, _FOREIGN_TABLES)
        ),
    )


def _names(connection: Connection, query: str, *values: object) -> tuple[str, ...]:
    return tuple(row[0] for row in fetch_all(connection, query, *values))
