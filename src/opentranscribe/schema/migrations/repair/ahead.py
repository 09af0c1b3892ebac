"""Rows made ready for the constraints that a revision of the chain is about to add."""

from __future__ import annotations

import re

from opentranscribe.schema.migrations.fingerprint import Catalogue
from opentranscribe.schema.migrations.repair.definitions import (
    Column,
    Link,
    Unique,
    check_of,
    quote,
)
from opentranscribe.schema.migrations.repair.mender import Mender
from opentranscribe.schema.migrations.repair.plan import Columns, columns_of
from opentranscribe.schema.migrations.repair.resolvers import heed_check, part_twins, tie_links
from opentranscribe.schema.migrations.shapes import TRANSIENT, table_of


def lines_ahead(before: Catalogue, after: Catalogue) -> Catalogue:
    """Constraints, unique indexes and narrower columns that rows already there will meet."""
    columns = columns_of(before)
    new = {k: v for k, v in after.items() if before.get(k) != v and k not in TRANSIENT}
    return {key: value for key, value in new.items() if _concerns_rows(key, value, columns, after)}


def mend_ahead(mender: Mender, before: Catalogue, after: Catalogue) -> None:
    """In the caller's transaction, and before anything of the revision ran."""
    columns = columns_of(before)
    for key, value in sorted(lines_ahead(before, after).items(), key=_order):
        table, condition, unique = table_of(key), check_of(value), Unique.parse(key, value)
        if key.startswith("column "):
            _shorten(mender, Column.parse(key, value))
        elif condition:
            heed_check(mender, table, condition)
        elif unique:
            part_twins(mender, unique, columns[table])
        else:
            link = Link.parse(key, value)
            if link:
                required = columns[table][link.column].required
                tie_links(mender, link, required=required)


def _concerns_rows(key: str, value: str, columns: Columns, after: Catalogue) -> bool:
    table = table_of(key)
    if table not in columns:
        return False
    if key.startswith("column "):
        column = Column.parse(key, value)
        old = columns[table].get(column.name)
        return bool(old and old.length and column.length and column.length < old.length)
    if not (value.startswith(("CHECK", "UNIQUE", "PRIMARY KEY", "FOREIGN", "unique "))):
        return False
    words = set(re.findall(r"\w+", value.partition(" REFERENCES ")[0]))
    fresh = {c.name for c in columns_of(after)[table].values()} - columns[table].keys()
    return not words & fresh


def _order(line: tuple[str, str]) -> tuple[int, str]:
    kinds = ("column ", "CHECK", "PRIMARY KEY", "UNIQUE", "unique ", "FOREIGN")
    key, value = line
    text = "column " if key.startswith("column ") else value
    return next(n for n, kind in enumerate(kinds) if text.startswith(kind)), key


def _shorten(mender: Mender, column: Column) -> None:
    name = f"t.{quote(column.name)}"
    where = f"length({name}) > {column.length}"
    mender.change(
        column.table, column.name, f"left({name}, {column.length})", where, "was too long"
    )
