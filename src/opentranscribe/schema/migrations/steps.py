"""What a revision is made of: ordered steps of idempotent SQL, each with what it locks.

A step may run any number of times, on a database that is anywhere between the revision before and
the one after, and leaves the same catalogue. That is what lets a run that was killed start again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Lock = Literal["none", "short", "rewrite"]
Phase = Literal["pre", "post"]


@dataclass(frozen=True)
class Step:
    """One or more SQL statements that belong together.

    ``lock``: ``none`` disturbs nobody (new tables, plain data changes); ``short`` holds a strong
    lock for the time of a catalogue change; ``rewrite`` holds it while it reads or rewrites the
    rows. ``transactional=False`` is for statements that PostgreSQL refuses inside a transaction
    (one statement per step then). ``data`` marks steps that change rows and nothing else: they run
    as well when a repair takes the place of the revision. ``until`` names a later revision that
    undoes the step: a run that goes past it leaves the step out.
    """

    sql: str
    title: str = ""
    transactional: bool = True
    lock: Lock = "none"
    data: bool = False
    until: str | None = None

    @property
    def name(self) -> str:
        """The title, or the first words of the SQL."""
        return self.title or " ".join(self.sql.split()[:6])


@dataclass(frozen=True)
class Revision:
    """A named point of the chain.

    ``phase`` is ``pre`` when processes of the release before can go on working after it
    (expanding), ``post`` when they cannot (contracting).
    """

    name: str
    steps: tuple[Step, ...]
    phase: Phase = "pre"

    @property
    def number(self) -> int:
        """400 for ``v400_first_steps``."""
        return int(self.name[1:4])


def constraint(table: str, name: str, definition: str) -> str:
    """SQL that adds a constraint unless the table, or an index, already has that name.

    ``table`` and ``name`` are trusted identifiers of this package, written as in SQL.
    """
    bare = table.strip('"')
    return f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint
                   WHERE conrelid = 'public."{bare}"'::regclass AND conname = '{name}')
       AND to_regclass('public."{name}"') IS NULL
    THEN ALTER TABLE {table} ADD CONSTRAINT {name} {definition};
    END IF;
END $$;
"""


def seed_settings(**values: tuple[str | None, str]) -> str:
    """SQL that adds rows to ``system_settings`` where the key is absent.

    Keys use ``__`` for the dot; each value is (value, description).
    """
    rows = ",\n    ".join(
        f"({_literal(key.replace('__', '.'))}, {_literal(value)}, {_literal(description)})"
        for key, (value, description) in values.items()
    )
    return f"""
INSERT INTO system_settings (key, value, description) VALUES
    {rows}
ON CONFLICT (key) DO NOTHING;
"""  # noqa: S608 - literals of this package, quoted


def _literal(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"
