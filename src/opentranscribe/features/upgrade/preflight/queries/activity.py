"""Who else is at the database, and what holds things up."""

from __future__ import annotations

from opentranscribe.features.upgrade.preflight.facts import Locks, Session, Slot, Waiting
from opentranscribe.features.upgrade.preflight.queries.connection import (
    Connection,
    fetch_all,
)
from opentranscribe.schema.migrations.lock import LOCK_KEY

_SESSIONS = """
SELECT pid, coalesce(nullif(application_name, ''), usename, 'unnamed'),
       extract(epoch FROM clock_timestamp() - xact_start)::float8,
       state LIKE 'idle in transaction%%'
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend'
  AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
  AND clock_timestamp() - xact_start > make_interval(secs => %s)
ORDER BY xact_start LIMIT 20
"""
_WAITING = """
SELECT l.pid, pg_blocking_pids(l.pid), coalesce(l.relation::regclass::text, l.locktype),
       extract(epoch FROM clock_timestamp() - l.waitstart)::float8
FROM pg_locks l
WHERE NOT l.granted AND l.waitstart < clock_timestamp() - make_interval(secs => %s)
  AND l.pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())
ORDER BY l.waitstart LIMIT 20
"""
_UPGRADE = """
SELECT a.pid, coalesce(nullif(a.application_name, ''), 'unnamed'),
       coalesce(a.client_addr::text, 'this machine'),
       extract(epoch FROM clock_timestamp() - a.backend_start)::int
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = %s AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_PREPARED = (
    "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared"
)
_SLOTS = """
SELECT slot_name, active,
       coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()
                                     ELSE pg_current_wal_lsn() END, restart_lsn), 0)::bigint,
       coalesce(database = current_database(), false)
FROM pg_replication_slots ORDER BY slot_name
"""
SHORTEST_TRANSACTION_SECONDS = 5.0
SHORTEST_WAIT_SECONDS = 1.0


def read_sessions(connection: Connection) -> tuple[Session, ...]:
    """Transactions that are open for more than five seconds, the oldest first."""
    seconds = SHORTEST_TRANSACTION_SECONDS
    return tuple(Session(*row) for row in fetch_all(connection, _SESSIONS, seconds))


def read_locks(connection: Connection) -> Locks:
    waiting = tuple(
        Waiting(pid, tuple(blockers), relation, seconds)
        for pid, blockers, relation, seconds in fetch_all(
            connection, _WAITING, SHORTEST_WAIT_SECONDS
        )
    )
    for pid, name, address, seconds in fetch_all(connection, _UPGRADE, LOCK_KEY):
        holder = f"{name} (session {pid} from {address}, {seconds} s old)"
        return Locks(waiting, holder, pid)
    return Locks(waiting)


def read_prepared(connection: Connection) -> tuple[str, ...]:
    return tuple(gid for (gid,) in fetch_all(connection, _PREPARED))


def read_slots(connection: Connection) -> tuple[Slot, ...]:
    return tuple(Slot(*row) for row in fetch_all(connection, _SLOTS))
