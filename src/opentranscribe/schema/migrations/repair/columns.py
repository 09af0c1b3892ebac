"""Columns that are missing, were called otherwise, or have another type, default or NULL rule."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from opentranscribe.schema.migrations.difference import compare
from opentranscribe.schema.migrations.fingerprint import Catalogue
from opentranscribe.schema.migrations.repair.definitions import Column, quote
from opentranscribe.schema.migrations.repair.mender import Mender
from opentranscribe.schema.migrations.repair.operations import Operation
from opentranscribe.schema.migrations.repair.resolvers import fill_nulls

#: (table, name that a column had once) → the name it has now.
FORMER = {
    ("user", "pki_cert_valid_from"): "pki_not_before",
    ("user", "pki_cert_valid_until"): "pki_not_after",
}
#: Words of these columns were written in capitals while they were an enum.
LOWERED = frozenset(
    {("media_file", "status"), ("media_file", "summary_status"), ("task", "status")}
)
#: Changes of type that lose nothing and need no look at the values.
_PLAIN = {
    ("integer", "bigint"),
    ("real", "double precision"),
    ("integer", "double precision"),
    ("json", "jsonb"),
    ("numeric", "double precision"),
}
_TIMES = ("timestamp without time zone", "timestamp with time zone")
_TRY_CAST = """
CREATE OR REPLACE FUNCTION pg_temp.try_cast(value TEXT, wanted ANYELEMENT) RETURNS ANYELEMENT
LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE format('SELECT %L::%s', value, pg_typeof(wanted)) INTO wanted;
    RETURN wanted;
EXCEPTION WHEN data_exception OR feature_not_supported OR cannot_coerce THEN RETURN NULL;
END $$
"""


def change_columns(live: Catalogue, wanted: Catalogue) -> Iterator[Operation]:
    """All that is wrong with columns of tables that are there."""
    difference = compare(live, wanted)
    links = {
        (
            key.partition(" ")[2].partition(".")[0].strip('"'),
            value.partition("(")[2].partition(")")[0],
        )
        for key, value in wanted.items()
        if value.startswith("FOREIGN KEY")
    }
    created = difference.missing_tables
    pairs = [
        (None, Column.parse(key, value))
        for key, value in difference.missing.items()
        if key.startswith("column ")
    ]
    pairs = [pair for pair in pairs if pair[1].table not in created]
    changed = [
        (Column.parse(key, a), Column.parse(key, b)) for key, (a, b) in difference.changed.items()
    ]
    for _, new in pairs:
        yield _add_column(new)
    yield from _move_former(live, wanted)
    for old, new in changed:
        if old.type != new.type or old.generated:
            yield change_type(old, new)
    for before, new in [*pairs, *changed]:
        yield from _set_rules(before, new, is_link=(new.table, new.name) in links)


def _add_column(column: Column) -> Operation:
    add = f"ALTER TABLE public.{quote(column.table)} ADD COLUMN {column.describe()}"
    return Operation("add column", f"{column.table}.{column.name}", column.type, (add,))


def _move_former(live: Catalogue, wanted: Catalogue) -> Iterator[Operation]:
    for (table, former), name in FORMER.items():
        if f"column {table}.{former}" not in live or f"column {table}.{name}" not in wanted:
            continue
        kind = Column.parse("column a.b", wanted[f"column {table}.{name}"]).type
        expression = f"CAST(t.{quote(former)} AS {kind})"
        where = f"t.{quote(name)} IS NULL AND t.{quote(former)} IS NOT NULL"
        yield Operation(
            "move column",
            f"{table}.{former}",
            f"is {name} now",
            mend=partial(_copy, table=table, name=name, expression=expression, where=where),
        )


def _copy(mender: Mender, table: str, name: str, expression: str, where: str) -> None:
    mender.change(table, name, expression, where, "had another name before", keep=False)


def change_type(old: Column, new: Column) -> Operation:
    """What does not fit the new type is clipped (text) or emptied (else), and kept as it was."""
    name, text = f"t.{quote(new.name)}", f"{quote(new.name)}::text"
    mend = None
    if new.type == "text" or new.type.startswith("character varying"):
        using = f"lower({text})" if (new.table, new.name) in LOWERED else text
        if new.length:
            using = f"left({using}, {new.length})"
            where = f"length({name}::text) > {new.length}"
            mend = partial(_keep, column=new, where=where, reason="was too long")
    elif (old.type, new.type) in _PLAIN:
        using = f"{quote(new.name)}::{new.type}"
    elif old.type in _TIMES and new.type in _TIMES:
        using = f"{quote(new.name)} AT TIME ZONE 'UTC'"
    else:
        using = f"pg_temp.try_cast({text}, NULL::{new.type})"
        where = f"{name} IS NOT NULL AND pg_temp.try_cast({name}::text, NULL::{new.type}) IS NULL"
        reason = f"was no {new.type}"
        mend = partial(_keep, column=new, where=where, reason=reason, prepare=_TRY_CAST)
    statements = [f"{new.place} DROP DEFAULT"]
    if old.generated:
        statements = [f"{new.place} DROP EXPRESSION"]
    if old.identity:
        statements.append(f"{new.place} DROP IDENTITY IF EXISTS")
    statements.append(f"{new.place} TYPE {new.type} USING {using}")
    if new.default and not new.sequence:
        statements.append(f"{new.place} SET DEFAULT {new.default}")
    subject = f"{new.table}.{new.name}"
    detail = f"{old.type} → {new.type}"
    return Operation("change type", subject, detail, tuple(statements), mend=mend)


def _keep(mender: Mender, column: Column, where: str, reason: str, prepare: str = "") -> None:
    if prepare:
        mender.execute(prepare)
    if mender.any_row(column.table, where):
        rows = mender.keep_values(column.table, column.name, where, reason)
        mender.count(column.table, column.name, reason, rows)


def _set_rules(old: Column | None, new: Column, *, is_link: bool) -> Iterator[Operation]:
    subject = f"{new.table}.{new.name}"
    if old and old.identity and old.type == new.type:
        drop = f"{new.place} DROP IDENTITY IF EXISTS"
        yield Operation("default", subject, "a sequence, not an identity", (drop,))
    if new.sequence and (old is None or not old.sequence):
        yield Operation("default", subject, "numbers its rows", new.number_rows())
    elif old and old.default != new.default and old.type == new.type:
        set_ = f"SET DEFAULT {new.default}" if new.default else "DROP DEFAULT"
        yield Operation("default", subject, new.default or "none", (f"{new.place} {set_}",))
    if new.required and (old is None or not old.required or old.type != new.type):
        mend = partial(fill_nulls, column=new, is_link=is_link)
        yield Operation(
            "require", subject, "never empty", (f"{new.place} SET NOT NULL",), mend=mend
        )
    elif old and old.required and not new.required:
        yield Operation("allow empty", subject, "", (f"{new.place} DROP NOT NULL",))


def take_out_column(column: Column, live: Catalogue, wanted: Catalogue) -> Operation:
    """Its values go to ``kept.value``, its definition to ``kept.definition``."""
    subject = f"{column.table}.{column.name}"
    drop = f"ALTER TABLE public.{quote(column.table)} DROP COLUMN {quote(column.name)}"

    def keep(mender: Mender) -> None:
        where, reason = (
            f"t.{quote(column.name)} IS NOT NULL",
            "the column is not part of the schema",
        )
        mender.keep_definition(f"column {subject}", live[f"column {subject}"], reason)
        if mender.any_row(column.table, where):
            rows = mender.keep_values(column.table, column.name, where, reason)
            mender.count(column.table, column.name, reason, rows)

    detail = "not part of the schema; its values are kept"
    return Operation("take out column", subject, detail, (drop,), mend=keep)
