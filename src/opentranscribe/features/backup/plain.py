"""The plain SQL file that anybody can pipe into psql, over any state of the database.

It is one transaction from its first statement to its last, begins by clearing what it is about to
make, stops at the first error and ends with a count of every table: cut off or damaged anywhere, it
changes nothing. The last line has the SHA-256 of all before it, so that we notice before psql would.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from opentranscribe.features.backup import queries
from opentranscribe.features.backup.errors import BackupDamagedError
from opentranscribe.features.backup.programs import BLOCK_BYTES, Programs
from opentranscribe.work.databases import Connection

FIRST_LINE = b"-- OpenTranscribe backup, plain SQL\n"
LAST_LINE = b"-- OpenTranscribe backup complete, SHA-256 of the above: "
LAST_BYTES = len(LAST_LINE) + 64 + 1
#: Waiting this long for a program that still uses the database is an error, not a hang.
LOCK_SECONDS = 30


@dataclass(frozen=True)
class PlainFacts:
    """What the file says of itself."""

    version: str
    revision: str | None
    server_major: int
    rows: dict[str, int]


def write_plain(
    connection: Connection, programs: Programs, snapshot: str, target: Path, facts: PlainFacts
) -> None:
    """The database as ``snapshot`` sees it. ``target`` is new and forced to disk.

    Raises BackupFailedError.
    """
    schemas = queries.list_schemas(connection)
    words = [
        *(f"--snapshot={snapshot}", "--no-owner", "--no-privileges", "--encoding=UTF8"),
        *(f"--exclude-schema={name}" for name in queries.DERIVED),
        *(f"--exclude-extension={name}" for name in queries.list_derived_extensions(connection)),
    ]
    digest = hashlib.sha256()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle, programs.read("pg_dump", *words) as dumped:
        for block in _assemble(facts, schemas, dumped):
            digest.update(block)
            handle.write(block)
        handle.write(LAST_LINE + digest.hexdigest().encode() + b"\n")
        handle.flush()
        os.fsync(handle.fileno())


def _assemble(
    facts: PlainFacts, schemas: Sequence[str], dumped: Iterator[bytes]
) -> Iterator[bytes]:
    yield FIRST_LINE
    yield _header(facts, schemas).encode()
    yield from dumped
    yield _footer(facts.rows).encode()


def _header(facts: PlainFacts, schemas: Sequence[str]) -> str:
    cleared = sorted({*schemas, "public", "kept", *queries.DERIVED})
    drops = "\n".join(f"DROP SCHEMA IF EXISTS {_quote(name)} CASCADE;" for name in cleared)
    return f"""-- version: {facts.version}
-- revision: {facts.revision or "none"}
-- server: {facts.server_major}
-- rows: {sum(facts.rows.values())} in {len(facts.rows)} tables
-- Restore it with: ./opentr.sh restore THIS_FILE
-- or by hand, while nothing else uses the database: psql -U postgres opentranscribe < THIS_FILE

\\set ON_ERROR_STOP on
BEGIN;
SET LOCAL lock_timeout = '{LOCK_SECONDS}s';
SET LOCAL client_min_messages = warning;
{drops}
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
COMMENT ON SCHEMA public IS 'standard public schema';
GRANT USAGE ON SCHEMA public TO PUBLIC;

"""


def _footer(rows: dict[str, int]) -> str:
    expected = ",\n".join(f"        ({_literal(table)}, {count})" for table, count in rows.items())
    check = f"""
DO $check$
DECLARE
    expected RECORD;
    found BIGINT;
BEGIN
    FOR expected IN SELECT * FROM (VALUES
{expected}
    ) AS listed (name, count) LOOP
        EXECUTE 'SELECT count(*) FROM ' || expected.name INTO found;
        IF found <> expected.count THEN
            RAISE EXCEPTION 'This backup is damaged: % has % rows and should have %. Nothing was changed.',
                expected.name, found, expected.count;
        END IF;
    END LOOP;
END
$check$;
"""  # noqa: S608 - names come quoted from the server
    return f"""
--
-- Every table must have the rows it had, or nothing of this happens.
--
{check if rows else ""}
COMMIT;
\\echo Restored {sum(rows.values())} rows in {len(rows)} tables.
"""


def check_plain(path: Path) -> PlainFacts:
    """Read the whole file again. Raises BackupDamagedError with a reason."""
    size = path.stat().st_size
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        if handle.read(len(FIRST_LINE)) != FIRST_LINE:
            raise BackupDamagedError(f"{path.name} is not a plain backup of OpenTranscribe.")
        handle.seek(0)
        left = max(0, size - LAST_BYTES)
        while left > 0:
            block = handle.read(min(BLOCK_BYTES, left))
            digest.update(block)
            left -= len(block)
        last = handle.read()
    if not last.startswith(LAST_LINE):
        raise BackupDamagedError(f"{path.name} is cut off: its last line is missing.")
    if last != LAST_LINE + digest.hexdigest().encode() + b"\n":
        raise BackupDamagedError(f"{path.name} is damaged: its bytes are not those written.")
    return read_facts(path)


def read_facts(path: Path) -> PlainFacts:
    """From the first lines; ``rows`` is left empty."""
    said: dict[str, str] = {}
    with path.open("rb") as handle:
        handle.readline()
        for line in iter(handle.readline, b""):
            name, separator, value = (
                line.decode(errors="replace").removeprefix("-- ").partition(":")
            )
            if not line.startswith(b"-- ") or not separator:
                break
            said[name] = value.strip()
    revision = said.get("revision", "none")
    return PlainFacts(
        said.get("version", ""),
        None if revision == "none" else revision,
        int(said["server"]) if said.get("server", "").isdigit() else 0,
        {},
    )


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
