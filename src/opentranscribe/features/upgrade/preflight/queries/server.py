"""The server, the role we come as, and where the schema stands."""

from __future__ import annotations

from typing import Literal

from opentranscribe.features.upgrade.preflight.context import Context
from opentranscribe.features.upgrade.preflight.facts import Rights, SchemaStanding, Server
from opentranscribe.features.upgrade.preflight.queries.connection import (
    Connection,
    fetch_one,
    measure_clock,
)
from opentranscribe.schema.migrations.chain import is_known, is_newer, list_pending
from opentranscribe.schema.migrations.recognise import recognise
from opentranscribe.schema.migrations.state import SchemaState

# reset_val is what a new session gets; the setting itself may be ours.
_SERVER = """
SELECT d.datname, current_user::text,
       current_setting('server_version_num')::int / 10000,
       pg_database_size(d.oid),
       pg_encoding_to_char(d.encoding),
       d.datcollversion, pg_database_collation_actual_version(d.oid),
       current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int,
       (SELECT reset_val = 'on' FROM pg_settings WHERE name = 'default_transaction_read_only'),
       pg_is_in_recovery(),
       greatest(age(d.datfrozenxid), mxid_age(d.datminmxid)),
       (SELECT reset_val::int FROM pg_settings WHERE name = 'statement_timeout'),
       current_setting('autovacuum')::bool,
       current_setting('fsync')::bool AND current_setting('full_page_writes')::bool,
       coalesce((SELECT checksum_failures FROM pg_stat_database s WHERE s.datid = d.oid), 0)::int
FROM pg_database d WHERE d.datname = current_database()
"""
_RIGHTS = """
SELECT r.rolsuper, r.rolcreatedb OR r.rolsuper,
       has_database_privilege(current_database(), 'CREATE'),
       coalesce(has_schema_privilege(to_regnamespace('public'), 'CREATE'), false),
       pg_has_role('pg_read_all_stats', 'USAGE')
FROM pg_roles r WHERE r.rolname = current_user
"""


def read_server(connection: Connection) -> Server:
    found = fetch_one(connection, _SERVER)
    return Server(
        database=found[0],
        role=found[1],
        major=found[2],
        size_bytes=found[3],
        encoding=found[4],
        collation_stored=found[5],
        collation_actual=found[6],
        most_connections=found[7],
        used_connections=found[8],
        read_only=found[9],
        standby=found[10],
        age=found[11],
        statement_timeout_ms=found[12],
        autovacuum=found[13],
        durable=found[14],
        damaged_pages=found[15],
        clock_ahead_seconds=measure_clock(connection),
    )


def read_rights(connection: Connection) -> Rights:
    return Rights(*fetch_one(connection, _RIGHTS))


def read_schema(connection: Connection, context: Context) -> SchemaStanding:
    found = recognise(connection)
    head = str(context.target.facts.get("schema_head", "")) if context.target else ""
    reason = SchemaState("newer", found.revision).advice if found.kind == "newer" else found.reason
    differences = (
        found.difference.describe() if found.kind == "drifted" and found.difference else ()
    )
    return SchemaStanding(
        found.kind, found.revision, reason, tuple(differences), _stand(found.revision, head)
    )


def _stand(revision: str | None, head: str) -> Literal["ahead", "same", "behind", "unknown"]:
    """Where ``head`` is, seen from ``revision``. A later head is known by its number only."""
    if revision == head:
        return "same"
    if revision is None:
        return "ahead" if is_known(head) or is_newer(head) else "unknown"
    if is_newer(head):
        return "behind" if is_newer(revision) and revision > head else "ahead"
    if not is_known(head):
        return "unknown"
    if not is_known(revision):
        return "behind" if is_newer(revision) else "unknown"
    return "ahead" if head in {one.name for one in list_pending(revision)} else "behind"
