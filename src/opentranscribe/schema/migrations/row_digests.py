"""Sums over the rows of a table that do not depend on their order: equal sums, equal rows.

Two kinds. `digest_rows` is the portable one, for backups: MD5 of each row's canonical text, summed,
the same on every server of any version. `digest_columns` is the quick one, for before and after on
one server: a sum for each column, so that a change can be laid at its door.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

#: Under these a value has one spelling, whatever the server or the session prefer.
CANONICAL = """
SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres';
SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'
"""


@dataclass(frozen=True)
class Digest:
    """Number of rows and two sums of 64-bit halves; sums of parts add up to that of the whole."""

    rows: int = 0
    high: int = 0
    low: int = 0

    def __add__(self, other: Digest) -> Digest:
        return Digest(self.rows + other.rows, self.high + other.high, self.low + other.low)

    def __str__(self) -> str:
        """64 hexadecimal digits."""
        return hashlib.sha256(f"{self.rows}:{self.high}:{self.low}".encode()).hexdigest()


@dataclass(frozen=True)
class ColumnDigests:
    """Number of rows, and for each column the sum over (key of the row, value)."""

    rows: int
    columns: Mapping[str, int]

    def __add__(self, other: ColumnDigests) -> ColumnDigests:
        shared = self.columns.keys() & other.columns.keys()
        sums = {name: self.columns[name] + other.columns[name] for name in shared}
        return ColumnDigests(self.rows + other.rows, sums)


def use_canonical_text(connection: psycopg.Connection[Any]) -> None:
    """For the rest of the transaction. Both digests need it, and must be taken in a transaction."""
    connection.execute(CANONICAL.encode())


def digest_rows(
    connection: psycopg.Connection[Any],
    table: str,
    columns: Sequence[str],
    *,
    where: str = "true",
) -> Digest:
    """Digest of ``columns`` (plain names; their order does not matter) of ``table``, written as in
    SQL (``public."user"``). Call `use_canonical_text` first in the same transaction."""
    listed = ", ".join(f"t.{_quote(name)}" for name in sorted(columns))
    row = connection.execute(
        f"""
SELECT count(*), COALESCE(sum(('x' || left(h, 16))::bit(64)::bigint::numeric), 0),
       COALESCE(sum(('x' || right(h, 16))::bit(64)::bigint::numeric), 0)
FROM (SELECT md5(ROW({listed})::text) AS h FROM {table} AS t WHERE {where}) AS hashed
""".encode()  # noqa: S608 - names are quoted, the condition is the caller's own
    ).fetchone()
    assert row is not None
    return Digest(int(row[0]), int(row[1]), int(row[2]))


def digest_columns(
    connection: psycopg.Connection[Any],
    source: str,
    columns: Sequence[str],
    key: str,
    *,
    where: str = "true",
) -> ColumnDigests:
    """For each of ``columns`` a sum over all rows of ``source`` (a table or an expression that
    FROM takes; its rows are called ``t``); ``key`` is what tells rows apart."""
    sums = ", ".join(
        f"COALESCE(sum(hashtextextended({_quote(key)} || chr(1) || COALESCE(c{n}, chr(2)), 7)"
        "::numeric), 0)"
        for n in range(len(columns))
    )
    values = ", ".join(f"t.{_quote(name)}::text AS c{n}" for n, name in enumerate(columns))
    row = connection.execute(
        f"""
SELECT count(*), {sums} FROM (
    SELECT t.{_quote(key)}::text AS {_quote(key)}, {values} FROM {source} AS t WHERE {where}
) AS spelt
""".encode()  # noqa: S608 - names are quoted, source and condition are the caller's own
    ).fetchone()
    assert row is not None
    return ColumnDigests(int(row[0]), dict(zip(columns, map(int, row[1:]), strict=True)))


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
