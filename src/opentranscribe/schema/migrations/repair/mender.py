"""Changes rows for an upgrade so that whatever was there is kept, and what was done is counted."""

# ruff: noqa: S608 - names are quoted, conditions are this package's own

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psycopg

from opentranscribe.schema.migrations.kept import KEPT
from opentranscribe.schema.migrations.repair.definitions import literal, quote

_KEYS = """
SELECT a.attname FROM pg_attribute a
LEFT JOIN pg_index x ON x.indrelid = a.attrelid AND x.indisprimary AND a.attnum = ANY (x.indkey)
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY x.indrelid IS NULL, a.attname <> 'id', a.attnum
"""
_LINKS_TO = """
SELECT conrelid::regclass::text, conname, conrelid::regclass::text || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE contype = 'f' AND confrelid = to_regclass(%s)
"""


@dataclass(frozen=True)
class Change:
    """``rows`` of ``table`` that were moved away (no column) or had ``column`` changed."""

    table: str
    column: str | None
    reason: str
    rows: int


@dataclass
class Mender:
    """Moves rows and changes values, keeping what was there. Names are plain, conditions SQL in
    which the row is called ``t``. Works inside the caller's transaction."""

    connection: psycopg.Connection[Any]
    _counts: Counter[tuple[str, str | None, str]] = field(default_factory=Counter)
    _is_ready: bool = False

    @property
    def changes(self) -> list[Change]:
        return [Change(*what, rows) for what, rows in self._counts.items()]

    def execute(self, statement: str) -> psycopg.Cursor[Any]:
        return self.connection.execute(statement.encode())

    def any_row(self, table: str, where: str) -> bool:
        found = self.execute(f"SELECT FROM public.{quote(table)} AS t WHERE {where} LIMIT 1")
        return found.rowcount > 0

    def move(self, table: str, where: str, reason: str) -> int:
        """Rows go to ``kept.row``; links to the table are taken off first, to be made again."""
        if not self.any_row(table, where):
            return 0
        self._prepare()
        name = f"public.{quote(table)}"
        for owner, link, _ in self.connection.execute(_LINKS_TO, (name,)).fetchall():
            self.execute(f"ALTER TABLE {owner} DROP CONSTRAINT {quote(link)}")
        moved = self.execute(f"""
WITH gone AS (DELETE FROM {name} AS t WHERE {where} RETURNING t.*)
INSERT INTO kept.row (table_name, reason, content)
SELECT {literal(table)}, {literal(reason)}, to_jsonb(gone) FROM gone""").rowcount
        self._counts[table, None, reason] += moved
        return moved

    def change(
        self,
        table: str,
        column: str,
        expression: str,
        where: str,
        reason: str,
        *,
        keep: bool = True,
    ) -> int:
        """Sets ``column`` to ``expression``; what was there goes to ``kept.value`` if ``keep``."""
        if not self.any_row(table, where):
            return 0
        if keep:
            self.keep_values(table, column, f"({where}) AND t.{quote(column)} IS NOT NULL", reason)
        changed = self.execute(
            f"UPDATE public.{quote(table)} AS t SET {quote(column)} = {expression} WHERE {where}"
        ).rowcount
        self.count(table, column, reason, changed)
        return changed

    def keep_values(self, table: str, column: str, where: str, reason: str) -> int:
        """Copies values to ``kept.value`` with the keys of their rows."""
        self._prepare()
        keys = [row[0] for row in self.connection.execute(_KEYS, (f"public.{quote(table)}",))]
        key = f"jsonb_build_object({literal(keys[0])}, t.{quote(keys[0])})"
        return self.execute(f"""
INSERT INTO kept.value (table_name, column_name, row_key, content, reason)
SELECT {literal(table)}, {literal(column)}, {key}, to_jsonb(t.{quote(column)}), {literal(reason)}
FROM public.{quote(table)} AS t WHERE {where}""").rowcount

    def keep_definition(self, name: str, definition: str, reason: str) -> None:
        self._prepare()
        self.connection.execute(
            "INSERT INTO kept.definition (name, definition, reason) VALUES (%s, %s, %s)",
            (name, definition, reason),
        )

    def keep_table(self, table: str) -> None:
        """Moves a table out of the way, whole."""
        self._prepare()
        self.execute(f"ALTER TABLE public.{quote(table)} SET SCHEMA kept")

    def count(self, table: str, column: str | None, reason: str, rows: int) -> None:
        if rows:
            self._counts[table, column, reason] += rows

    def _prepare(self) -> None:
        if not self._is_ready:
            self.execute(KEPT)
            self._is_ready = True
