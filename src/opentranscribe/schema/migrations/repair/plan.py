"""The operations that lead from a live schema to the wanted one, in an order that works.

Pure: what is listed here from two catalogues is what `engine` does, and what ``db plan`` shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from opentranscribe.schema.migrations.difference import Difference, compare
from opentranscribe.schema.migrations.fingerprint import Catalogue
from opentranscribe.schema.migrations.repair.columns import change_columns, take_out_column
from opentranscribe.schema.migrations.repair.definitions import (
    Column,
    Link,
    Unique,
    add_constraint,
    check_of,
    create_index,
    drop_line,
    quote,
    rename_line,
)
from opentranscribe.schema.migrations.repair.mender import Mender
from opentranscribe.schema.migrations.repair.operations import Operation
from opentranscribe.schema.migrations.repair.resolvers import heed_check, part_twins, tie_links
from opentranscribe.schema.migrations.shapes import column_sets, name_of, table_of

#: A table with less than this share of our columns, whichever release, is somebody else's.
STRANGE_BELOW = 0.4

Columns = dict[str, dict[str, Column]]


@dataclass(frozen=True)
class Schemas:
    """What the planner looks at: both catalogues, their difference and the wanted columns."""

    live: Catalogue
    wanted: Catalogue
    difference: Difference
    columns: Columns

    @classmethod
    def between(cls, live: Catalogue, wanted: Catalogue) -> Schemas:
        return cls(live, wanted, compare(live, wanted), columns_of(wanted))


def plan_repair(live: Catalogue, wanted: Catalogue) -> tuple[Operation, ...]:
    """Both hold only tables of the product. Operations of kind ``rows`` are not among them."""
    strange = find_strangers(live)
    if strange:
        live = {key: value for key, value in live.items() if table_of(key) not in strange}
    schemas = Schemas.between(live, wanted)
    again = _needed_again(schemas)
    return (
        *(_move_table(table) for table in sorted(strange)),
        *_drop_lines(schemas, again),
        *_rename_lines(schemas),
        *_create_tables(schemas),
        *change_columns(live, wanted),
        *_add_checks(schemas, again),
        *_add_uniques(schemas, again),
        *_add_links(schemas, again),
        *_add_indexes(schemas, again),
        *_take_out_columns(schemas),
    )


def columns_of(catalogue: Catalogue) -> Columns:
    columns: Columns = {}
    for key, value in catalogue.items():
        if key.startswith("column "):
            columns.setdefault(table_of(key), {})[name_of(key)] = Column.parse(key, value)
    return columns


def find_strangers(live: Catalogue) -> frozenset[str]:
    """Tables that only share a name with one of ours, and look like it in no known schema."""
    return frozenset(
        table
        for table, columns in columns_of(live).items()
        if all(
            len(columns.keys() & known) < STRANGE_BELOW * len(known)
            for known in column_sets()[table]
        )
    )


def _move_table(table: str) -> Operation:
    return Operation(
        "keep table",
        table,
        "a table of this name belongs to somebody else: it moves to the schema kept",
        mend=lambda mender: mender.keep_table(table),
    )


def _needed_again(schemas: Schemas) -> Catalogue:
    """Wanted lines that stand in the way of a change of type, so are dropped and made again."""
    again: Catalogue = {}
    for changed, (live, wanted) in schemas.difference.changed.items():
        old, new = Column.parse(changed, live), Column.parse(changed, wanted)
        if old.type == new.type:
            continue
        word = re.compile(rf"\b{re.escape(new.name)}\b")
        for key, value in schemas.live.items():
            if table_of(key) != new.table or key.startswith("column "):
                continue
            if word.search(value) and not value.startswith(("PRIMARY KEY", "FOREIGN")):
                again[key] = value
    return again


def _drop_lines(schemas: Schemas, again: Catalogue) -> Iterator[Operation]:
    lines = {k: v for k, v in schemas.difference.extra.items() if not k.startswith("column ")}
    links_first = sorted(lines | again, key=lambda k: not schemas.live[k].startswith("FOREIGN"))
    gone: set[str] = set()
    for key in links_first:
        value = schemas.live[key]
        if value.startswith(("PRIMARY KEY", "UNIQUE")):
            for link in _links_to(schemas.live, table_of(key)):
                if link not in gone and link not in lines:
                    yield Operation("drop", link, "made again later", (drop_line(link),))
                    gone.add(link)
        gone.add(key)
        why = "made again later" if key in again else "not part of the schema"
        yield Operation(
            "drop",
            key,
            f"{value}: {why}",
            (drop_line(key),),
            mend=None if key in again else partial(_note, key, value),
        )


def _note(key: str, value: str, mender: Mender) -> None:
    mender.keep_definition(key, value, "not part of the schema")


def _links_to(live: Catalogue, table: str) -> list[str]:
    found = []
    for key, value in live.items():
        link = Link.parse(key, value) if value.startswith("FOREIGN") else None
        if link and link.target == table:
            found.append(key)
    return found


def _rename_lines(schemas: Schemas) -> Iterator[Operation]:
    """By way of names that nobody has, so that two may change places."""
    again = _needed_again(schemas)
    pairs = [(a, b) for a, b in sorted(schemas.difference.renamed.items()) if a not in again]
    for nth, (old, new) in enumerate(pairs):
        aside = f"opentr_renamed_{nth}"
        yield Operation("rename", old, "", (rename_line(old, name_of(old), aside),), quiet=True)
        del new
    for nth, (old, new) in enumerate(pairs):
        aside = f"opentr_renamed_{nth}"
        yield Operation(
            "rename", old, f"to {name_of(new)}", (rename_line(old, aside, name_of(new)),)
        )


def _create_tables(schemas: Schemas) -> Iterator[Operation]:
    for table in schemas.difference.missing_tables:
        columns = sorted(schemas.columns[table].values(), key=lambda c: (c.name != "id", c.name))
        inside = ", ".join(
            column.describe() + (" NOT NULL" if column.required else "") for column in columns
        )
        numbered = [s for column in columns if column.sequence for s in column.number_rows()]
        create = f"CREATE TABLE public.{quote(table)} ({inside})"
        yield Operation("create table", table, f"{len(columns)} columns", (create, *numbered))


def _wanted_lines(schemas: Schemas, again: Catalogue) -> Iterator[tuple[str, str]]:
    """Lines to make, under the wanted names."""
    renamed = schemas.difference.renamed
    yield from schemas.difference.missing.items()
    for key in again:
        name = renamed.get(key, key)
        if name in schemas.wanted and name not in schemas.difference.missing:
            yield name, schemas.wanted[name]


def _add_checks(schemas: Schemas, again: Catalogue) -> Iterator[Operation]:
    for key, value in _wanted_lines(schemas, again):
        condition = check_of(value)
        if condition:
            yield _add(key, value, partial(heed_check, table=table_of(key), condition=condition))


def _add_uniques(schemas: Schemas, again: Catalogue) -> Iterator[Operation]:
    lines = sorted(
        _wanted_lines(schemas, again), key=lambda line: not line[1].startswith("PRIMARY KEY")
    )
    for key, value in lines:
        unique = Unique.parse(key, value) if not key.startswith("column ") else None
        if unique:
            columns = schemas.columns[unique.table]
            yield _add(key, value, partial(part_twins, unique=unique, columns=columns))


def _add_links(schemas: Schemas, again: Catalogue) -> Iterator[Operation]:
    for key, value in _wanted_lines(schemas, again):
        if not value.startswith("FOREIGN"):
            continue
        link = Link.parse(key, value)
        mend: Callable[[Mender], None] | None = None
        if link:
            required = schemas.columns[link.table][link.column].required
            mend = partial(tie_links, link=link, required=required)
        yield _add(key, value, mend)


def _add_indexes(schemas: Schemas, again: Catalogue) -> Iterator[Operation]:
    for key, value in _wanted_lines(schemas, again):
        if key.startswith("index ") and not value.startswith("unique "):
            yield Operation("add", key, value, (create_index(key, value),))


def _add(key: str, value: str, mend: Callable[[Mender], None] | None) -> Operation:
    make = create_index if key.startswith("index ") else add_constraint
    return Operation("add", key, value, (make(key, value),), mend=mend)


def _take_out_columns(schemas: Schemas) -> Iterator[Operation]:
    for key, value in schemas.difference.extra.items():
        if key.startswith("column "):
            yield take_out_column(Column.parse(key, value), schemas.live, schemas.wanted)
