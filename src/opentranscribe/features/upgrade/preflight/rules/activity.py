"""Checks of what goes on in the database, and of things in it that a migration trips over."""

from __future__ import annotations

from opentranscribe.features.upgrade.preflight.facts import Facts, Session
from opentranscribe.features.upgrade.preflight.findings import (
    Check,
    Finding,
    blocker,
    warning,
)
from opentranscribe.features.upgrade.preflight.rules import commands

LONG_SECONDS = 60.0
IDLE_SECONDS = 30.0
MUCH_WAL_BYTES = 1024**3
#: How sessions of this program name themselves.
OUR_SESSIONS = "opentranscribe"


def check_long_transactions(facts: Facts) -> Finding | None:
    long = [one for one in facts.sessions.value if not one.idle and one.seconds > LONG_SECONDS]
    if not long:
        return None
    return warning(
        f"A transaction is open for {long[0].seconds:.0f} s: {_name(long[0])}. A change to a table"
        " that it uses would have to wait for it.",
        _end(facts, long),
    )


def check_idle_transactions(facts: Facts) -> Finding | None:
    idle = [one for one in facts.sessions.value if one.idle and one.seconds > IDLE_SECONDS]
    if not idle:
        return None
    return warning(
        f"A session holds a transaction open and does nothing in it for {idle[0].seconds:.0f} s:"
        f" {_name(idle[0])}. Its locks stay until it ends.",
        _end(facts, idle),
    )


def check_prepared(facts: Facts) -> Finding | None:
    prepared = facts.prepared.value
    if not prepared:
        return None
    statements = [f"ROLLBACK PREPARED {commands.literal(gid)}" for gid in prepared[:5]]
    return blocker(
        f"{len(prepared)} prepared transactions hold locks that outlive even a restart:"
        f" {commands.listed(prepared)}. Commit them if they are wanted, else:",
        commands.sql(facts.context, *statements),
    )


def check_waiting(facts: Facts) -> Finding | None:
    waiting = facts.locks.value.waiting
    if not waiting:
        return None
    first = waiting[0]
    blockers = first.blocked_by or (first.pid,)
    return warning(
        f"{len(waiting)} sessions wait for a lock; session {first.pid} for {first.seconds:.0f} s on"
        f" {first.relation}, held by {', '.join(map(str, blockers))}. The update would queue too.",
        commands.sql(facts.context, *_terminate(blockers)),
    )


def check_upgrade_lock(facts: Facts) -> Finding | None:
    locks = facts.locks.value
    if locks.upgrade_holder is None or locks.upgrade_holder_pid is None:
        return None
    return blocker(
        f"Another upgrade of this database holds its lock: {locks.upgrade_holder}. Wait for it;"
        " if it hangs:",
        commands.sql(facts.context, *_terminate((locks.upgrade_holder_pid,))),
    )


def check_slots(facts: Facts) -> Finding | None:
    bad = [
        one
        for one in facts.slots.value
        if one.ours or not one.active or one.held_bytes > MUCH_WAL_BYTES
    ]
    if not bad:
        return None
    first = bad[0]
    use = "in use" if first.active else "used by nobody"
    return warning(
        f"The replication slot {first.name}, {use}, keeps {commands.size(first.held_bytes)} of"
        " WAL, and more with every change the update makes; a logical one also keeps the database"
        " from being put back. Stop what reads it, then:",
        commands.sql(
            facts.context,
            *(f"SELECT pg_drop_replication_slot({commands.literal(one.name)})" for one in bad),
        ),
    )


def check_indexes(facts: Facts) -> Finding | None:
    invalid = facts.objects.value.invalid_indexes
    if not invalid:
        return None
    return warning(
        f"{len(invalid)} indexes were left half built: {commands.listed(invalid)}. They are kept up"
        " with every write, are never used, and a unique one does not guard its table.",
        commands.sql(
            facts.context, *(f"REINDEX INDEX CONCURRENTLY {name}" for name in invalid[:5])
        ),
    )


def check_extensions(facts: Facts) -> Finding | None:
    absent = facts.objects.value.unavailable_extensions
    if not absent:
        return None
    return blocker(
        f"The database uses extensions that this server no longer has: {commands.listed(absent)}."
        " A backup could not be restored here. Install their packages, or drop what is not needed.",
        commands.sql(
            facts.context,
            *(f"DROP EXTENSION {commands.identifier(name)}" for name in absent),
        ),
    )


def check_needed_extensions(facts: Facts) -> Finding | None:
    lacking = facts.objects.value.lacking_extensions
    if not lacking:
        return None
    major = facts.server.value.major
    packages = f"postgresql-{major} postgresql-contrib postgresql-{major}-pgvector"
    return blocker(
        f"The server lacks {commands.listed(lacking)}, without which there is no search.",
        f"sudo apt install {packages}",
    )


def check_triggers(facts: Facts) -> Finding | None:
    triggers = facts.objects.value.triggers
    if not triggers:
        return None
    table, name, disabled = triggers[0]
    how = "is disabled, so rows may go in unchecked" if disabled else "is not ours"
    verb = "ENABLE" if disabled else "DISABLE"
    which = commands.identifier(name)
    if name.startswith("RI_ConstraintTrigger"):
        which = "ALL"
    return warning(
        f"{len(triggers)} triggers are not as we made them; {name} on {table} {how}. A migration"
        " that changes rows would run it, or miss it.",
        commands.sql(facts.context, f"ALTER TABLE {table} {verb} TRIGGER {which}"),
    )


def check_event_triggers(facts: Facts) -> Finding | None:
    found = facts.objects.value.event_triggers
    if not found:
        return None
    return warning(
        f"Event triggers run at every change of the schema: {commands.listed(found)}. They may"
        " refuse the update's.",
        commands.sql(
            facts.context,
            *(f"ALTER EVENT TRIGGER {commands.identifier(name)} DISABLE" for name in found),
        ),
    )


def check_owners(facts: Facts) -> Finding | None:
    tables = facts.objects.value.foreign_tables
    if not tables:
        return None
    table, owner = tables[0]
    role = commands.identifier(facts.server.value.role)
    return blocker(
        f"{len(tables)} tables belong to another role, {table} to {owner}; only their owner may"
        " change them.",
        commands.sql(facts.context, f"GRANT {commands.identifier(owner)} TO {role}"),
    )


def _name(session: Session) -> str:
    return f"{session.name} (session {session.pid})"


def _end(facts: Facts, sessions: list[Session]) -> str:
    """Ours go back to the queue when restarted, others must be ended by hand."""
    if facts.context.is_running and all(one.name.startswith(OUR_SESSIONS) for one in sessions):
        return commands.RESTART
    return commands.sql(facts.context, *_terminate(tuple(one.pid for one in sessions)))


def _terminate(pids: tuple[int, ...]) -> list[str]:
    return [f"SELECT pg_terminate_backend({pid})" for pid in pids]


CHECKS = (
    Check("long-transactions", "Long transactions", check_long_transactions),
    Check("idle-transactions", "Idle transactions", check_idle_transactions),
    Check("prepared-transactions", "Prepared transactions", check_prepared),
    Check("waiting-locks", "Waiting for locks", check_waiting),
    Check("upgrade-lock", "Upgrade lock", check_upgrade_lock),
    Check("replication-slots", "Replication slots", check_slots),
    Check("invalid-indexes", "Indexes", check_indexes),
    Check("extensions", "Extensions in use", check_extensions),
    Check("needed-extensions", "Extensions that are needed", check_needed_extensions),
    Check("triggers", "Triggers", check_triggers),
    Check("event-triggers", "Event triggers", check_event_triggers),
    Check("table-owners", "Owners of tables", check_owners),
)
