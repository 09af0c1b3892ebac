"""Which revision was applied when, by whom, and how long it took.

The table comes with v400; what ran before it in the same run is kept and written then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

_EXISTS = "SELECT to_regclass('public.schema_ledger') IS NOT NULL"
_INSERT = """
INSERT INTO public.schema_ledger (revision, from_revision, at, seconds, by, result)
VALUES (%s, %s, %s, %s, %s, %s)
"""
_SELECT = """
SELECT revision, from_revision, seconds, result, at, by FROM public.schema_ledger ORDER BY id
"""


@dataclass(frozen=True)
class Entry:
    """One applied revision; ``seconds`` is how long it took."""

    revision: str
    from_revision: str | None
    seconds: float
    result: str = "applied"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    by: str = ""
    rows: int = 0
    log: str = ""


class Ledger:
    """Collects entries of one run, and writes them inside the caller's transaction."""

    def __init__(self, *, by: str) -> None:
        self._by = by
        self._waiting: list[Entry] = []
        self._table_exists = False

    def write(self, connection: psycopg.Connection[Any], entry: Entry) -> None:
        """Writes ``entry`` and those that wait, or keeps it until there is a table."""
        entries = [*self._waiting, entry]
        if not self._table_exists:
            row = connection.execute(_EXISTS).fetchone()
            if not (row and row[0]):
                self._waiting = entries
                return
        with connection.cursor() as cursor:
            cursor.executemany(_INSERT, [self._as_row(kept) for kept in entries])
        self._table_exists, self._waiting = True, []

    def _as_row(self, entry: Entry) -> tuple[object, ...]:
        return (
            entry.revision,
            entry.from_revision,
            entry.at,
            entry.seconds,
            entry.by or self._by,
            entry.result,
        )


def iter_history(connection: psycopg.Connection[Any]) -> Iterator[Entry]:
    """What was applied, oldest first; nothing when the table is not there yet."""
    row = connection.execute(_EXISTS).fetchone()
    if row and row[0]:
        yield from (Entry(*values) for values in connection.execute(_SELECT))
