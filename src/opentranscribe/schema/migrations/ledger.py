"""Which step was applied when, by whom, to how many rows; each entry sealed with the one before.

The table comes with v400; what ran before it in the same run is kept and written then. The seals
come with v402, which also seals what is there. The last seal stands in `schema_compatibility`, so
that entries cannot be cut off unseen either.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

_HAS_COLUMN = """
SELECT count(*) FILTER (WHERE attname = 'id'), count(*) FILTER (WHERE attname = 'hash')
FROM pg_attribute
WHERE attrelid = to_regclass('public.schema_ledger') AND attnum > 0 AND NOT attisdropped
"""
_PLAIN = "revision, from_revision, seconds, result, at, by"
_FULL = f"{_PLAIN}, rows, bytes, log"
_INSERT = """
INSERT INTO public.schema_ledger (revision, from_revision, seconds, result, at, by)
VALUES (%s, %s, %s, %s, %s, %s)
"""
_INSERT_FULL = """
INSERT INTO public.schema_ledger
    (revision, from_revision, seconds, result, at, by, rows, bytes, log)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_SEALS = "SELECT id, hash, revision, from_revision, seconds, result, at, by, rows, bytes, log"
_READ_SEALS = f"{_SEALS} FROM public.schema_ledger ORDER BY id"
_SEAL = "UPDATE public.schema_ledger SET hash = %s WHERE id = %s"
_TIP = "UPDATE public.schema_compatibility SET ledger_hash = %s"
_READ_TIP = "SELECT ledger_hash FROM public.schema_compatibility"


@dataclass(frozen=True)
class Entry:
    """One step; ``seconds`` is how long it took, ``bytes`` what it wrote ahead, ``rows`` how many
    were moved or changed on the way, and ``log`` says which."""

    revision: str
    from_revision: str | None
    seconds: float
    result: str = "applied"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    by: str = ""
    rows: int = 0
    bytes: int = 0
    log: str = ""

    def seal(self, before: str) -> str:
        """SHA-256 of what the entry says and of the seal before it."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        said = [self.revision, self.from_revision, self.seconds, self.result, at, self.by]
        text = json.dumps([before, *said, self.rows, self.bytes, self.log])
        return hashlib.sha256(text.encode()).hexdigest()


class Ledger:
    """Collects entries of one run, and writes them inside the caller's transaction."""

    def __init__(self, *, by: str) -> None:
        self._by = by
        self._waiting: list[Entry] = []

    def write(self, connection: psycopg.Connection[Any], entry: Entry) -> None:
        """Writes ``entry`` and those that wait, or keeps it until there is a table."""
        entries = [*self._waiting, entry]
        has_table, has_seals = _look(connection)
        self._waiting = [] if has_table else entries
        if not has_table:
            return
        for kept in entries:
            values = (
                *(kept.revision, kept.from_revision, kept.seconds, kept.result),
                *(kept.at, kept.by or self._by),
            )
            if has_seals:
                connection.execute(_INSERT_FULL, (*values, kept.rows, kept.bytes, kept.log))
            else:
                connection.execute(_INSERT, values)
        if has_seals:
            _seal_new(connection)


def iter_history(connection: psycopg.Connection[Any]) -> Iterator[Entry]:
    """What was applied, oldest first; nothing when the table is not there yet."""
    has_table, has_seals = _look(connection)
    if has_table:
        columns = _FULL if has_seals else _PLAIN
        query = f"SELECT {columns} FROM public.schema_ledger ORDER BY id"  # noqa: S608 - constants
        yield from (Entry(*values) for values in connection.execute(query.encode()))


def find_break(connection: psycopg.Connection[Any]) -> str | None:
    """What is wrong with the chain of seals, in words; None when it holds, or begins later."""
    if not _look(connection)[1]:
        return None
    before, number = "", 0
    for number, (_, seal, *values) in enumerate(_read_seals(connection), start=1):
        entry = Entry(*values)
        if seal != entry.seal(before):
            return (
                f"Entry {number} ({entry.revision}) is not as it was written, or the one before it"
                " is gone."
            )
        before = seal
    tip = connection.execute(_READ_TIP).fetchone()
    if tip is None or tip[0] != before:
        return f"After entry {number} something was taken off, or added, by another hand."
    return None


def _look(connection: psycopg.Connection[Any]) -> tuple[bool, bool]:
    row = connection.execute(_HAS_COLUMN).fetchone()
    return (bool(row[0]), bool(row[1])) if row else (False, False)


def _read_seals(connection: psycopg.Connection[Any]) -> Sequence[tuple[Any, ...]]:
    return connection.execute(_READ_SEALS).fetchall()


def _seal_new(connection: psycopg.Connection[Any]) -> None:
    """Entries at the end without a seal; one without it in the middle stays a break."""
    before = ""
    for identity, seal, *values in _read_seals(connection):
        if seal is None:
            seal = Entry(*values).seal(before)  # noqa: PLW2901 - the seal it gets now
            connection.execute(_SEAL, (seal, identity))
        before = seal
    connection.execute(_TIP, (before,))
