"""Lines of a catalogue read back into their parts, and into the SQL that makes them again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from opentranscribe.schema.migrations.shapes import name_of, table_of

_COLUMN = re.compile(
    r"^(?P<type>.*?)(?P<required> not null)?(?P<identity> identity)?(?P<generated> generated)?"
    r"(?: default (?P<default>.*))?$",
    re.DOTALL,
)
_SERIAL = re.compile(r"^nextval\('(?P<sequence>[^']+)'::regclass\)$")
_LINK = re.compile(
    r"^FOREIGN KEY \((?P<column>[^)]+)\) REFERENCES (?P<target>[^(\s]+)\((?P<key>[^)]+)\)"
    r"(?P<rest>.*)$"
)


def quote(name: str) -> str:
    """An identifier for SQL, whatever letters it has."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text for SQL."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class Column:
    table: str
    name: str
    type: str
    required: bool
    default: str | None
    identity: bool = False
    generated: bool = False

    @staticmethod
    @lru_cache(maxsize=5_000)
    def parse(key: str, value: str) -> Column:
        found = _COLUMN.match(value)
        assert found is not None
        return Column(
            table_of(key),
            name_of(key),
            found["type"],
            found["required"] is not None,
            found["default"],
            found["identity"] is not None,
            found["generated"] is not None,
        )

    @property
    def place(self) -> str:
        """``ALTER TABLE … ALTER COLUMN …``, ready for what is to change."""
        return f"ALTER TABLE public.{quote(self.table)} ALTER COLUMN {quote(self.name)}"

    @property
    def sequence(self) -> str | None:
        """Name of the sequence that numbers the rows."""
        found = _SERIAL.match(self.default or "")
        return found["sequence"] if found else None

    @property
    def length(self) -> int | None:
        """Most letters the column takes."""
        found = re.fullmatch(r"character varying\((\d+)\)", self.type)
        return int(found[1]) if found else None

    def describe(self) -> str:
        """As in CREATE TABLE, without NOT NULL and without what needs a sequence first."""
        default = f" DEFAULT {self.default}" if self.default and not self.sequence else ""
        return f"{quote(self.name)} {self.type}{default}"

    def number_rows(self) -> tuple[str, ...]:
        """SQL that makes the sequence if need be, puts it behind the last row and uses it."""
        assert self.sequence is not None
        kind = "bigint" if self.type == "bigint" else "integer"
        table, name = f"public.{quote(self.table)}", quote(self.name)
        sequence = quote(self.sequence)
        last = f"COALESCE((SELECT max({name}) FROM {table}), 0)"  # noqa: S608 - quoted names
        return (
            f"CREATE SEQUENCE IF NOT EXISTS public.{sequence} AS {kind}",
            f"ALTER SEQUENCE public.{sequence} OWNED BY {table}.{name}",
            f"SELECT setval('public.{sequence}', {last} + 1, false)",
            f"{self.place} SET DEFAULT nextval('public.{sequence}'::regclass)",
        )


@dataclass(frozen=True)
class Link:
    """A foreign key of one column."""

    table: str
    column: str
    target: str
    key: str
    action: str

    @classmethod
    def parse(cls, key: str, value: str) -> Link | None:
        found = _LINK.match(value)
        if found is None or "," in found["column"]:
            return None
        action = re.search(r"ON DELETE (CASCADE|SET NULL)", found["rest"])
        return cls(
            table_of(key),
            found["column"].strip('"'),
            found["target"].strip('"').removeprefix("public.").strip('"'),
            found["key"].strip('"'),
            action[1] if action else "NO ACTION",
        )


@dataclass(frozen=True)
class Unique:
    """Expressions that no two rows may share, among the rows for which ``where`` holds."""

    table: str
    expressions: tuple[str, ...]
    where: str = "true"

    @classmethod
    def parse(cls, key: str, value: str) -> Unique | None:
        if not value.startswith(("UNIQUE", "PRIMARY KEY", "unique ")):
            return None
        inside, rest = _inside_brackets(value)
        where = rest.partition(" WHERE ")[2] or "true"
        return cls(table_of(key), _split(inside), where)


def check_of(value: str) -> str | None:
    """The condition of a CHECK."""
    return _inside_brackets(value)[0] if value.startswith("CHECK") else None


def add_constraint(key: str, value: str) -> str:
    return f"ALTER TABLE public.{quote(table_of(key))} ADD CONSTRAINT {quote(name_of(key))} {value}"


def create_index(key: str, value: str) -> str:
    unique = "UNIQUE " if value.startswith("unique ") else ""
    how = value.removeprefix("unique ")
    return (
        f"CREATE {unique}INDEX {quote(name_of(key))} ON public.{quote(table_of(key))} USING {how}"
    )


def drop_line(key: str) -> str:
    name = quote(name_of(key))
    if key.startswith("index "):
        return f"DROP INDEX public.{name}"
    return f"ALTER TABLE public.{quote(table_of(key))} DROP CONSTRAINT {name}"


def rename_line(key: str, old: str, new: str) -> str:
    if key.startswith("index "):
        return f"ALTER INDEX public.{quote(old)} RENAME TO {quote(new)}"
    table = quote(table_of(key))
    return f"ALTER TABLE public.{table} RENAME CONSTRAINT {quote(old)} TO {quote(new)}"


def _inside_brackets(text: str) -> tuple[str, str]:
    """What the first pair of brackets holds, and what follows it."""
    start = text.index("(")
    depth = 0
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return text[start + 1 : place], text[place + 1 :]
    raise ValueError(text)


def _split(text: str) -> tuple[str, ...]:
    """Parts between commas that stand outside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return tuple(part.strip() for part in parts)
