"""What a database is: by its whole schema first, by what it says of itself second. Reads only.

A repair is offered when most of a known schema is there; what is too far from all of them, or
stopped in the middle of a restore, or contradicts itself, is refused with the way out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from opentranscribe.schema.migrations.chain import CHAIN, HEAD, is_known, is_newer
from opentranscribe.schema.migrations.difference import Difference, compare
from opentranscribe.schema.migrations.fingerprint import Catalogue, read_catalogue
from opentranscribe.schema.migrations.shapes import (
    STAMP_TABLE,
    TRANSIENT,
    Shape,
    load_shapes,
    name_of,
    only_ours,
    our_tables,
    shape_of,
    table_of,
)

#: Share of the nearest schema's columns that must be there; below it, the database is not ours.
ENOUGH_COLUMNS = 0.75
#: Share of tables without primary key from which on a restore seems to have stopped on its way.
TOO_FEW_KEYS = 1 / 3
#: Of the shapes that share most names, so many are compared in what the lines mean.
CANDIDATES = 8
CORE = frozenset({"user", "media_file", "speaker", "transcript_segment"})

Kind = Literal["empty", "exact", "drifted", "newer", "refused"]

_RELATIONS = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
"""
_FOREIGN_NAMES = """
SELECT c.relname FROM pg_class c LEFT JOIN pg_index x ON x.indexrelid = c.oid
LEFT JOIN pg_class t ON t.oid = x.indrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT COALESCE(t.relname, c.relname) = ANY (%s)
"""
_STAMP_COLUMN = """
SELECT count(*) FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = 'alembic_version' AND column_name = 'version_num'
"""


@dataclass(frozen=True)
class Recognition:
    """``revision``: where the chain goes on (exact), or the nearest known one (drifted).

    ``stamps`` is what the database says itself; ``reason`` why it is refused, with the way out;
    ``others`` the relations beside ours, which nobody touches.
    """

    kind: Kind
    stamps: tuple[str, ...] = ()
    revision: str | None = None
    nearest: str = ""
    difference: Difference | None = None
    reason: str = ""
    others: tuple[str, ...] = ()

    @property
    def distance(self) -> int:
        return self.difference.distance if self.difference else 0

    @property
    def is_tracked(self) -> bool:
        """Whether the database says what the schema shows."""
        return self.stamps == (self.revision,)


def recognise(connection: psycopg.Connection[Any], *, adopt: bool = False) -> Recognition:
    """What the connection's database is. With ``adopt`` its own word counts for nothing: two
    stamps, or one that nobody knows, are passed over when the schema is near a known one."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding == "SQL_ASCII":
        return _refuse(
            "The database has the encoding SQL_ASCII, in which letters cannot be told from bytes."
            " Dump it, and restore the dump into a database with the encoding UTF8."
        )
    relations = [row[0] for row in connection.execute(_RELATIONS)]
    stamps = _read_stamps(connection) if STAMP_TABLE in relations else ()
    if stamps is None:
        return _refuse(
            "The table alembic_version is not that of this product. Check that DATABASE_URL names"
            " the right database."
        )
    others = tuple(n for n in relations if n not in our_tables() and n != STAMP_TABLE)
    if not any(name in our_tables() for name in relations):
        return _judge_without_tables(stamps, others)
    clash = _find_clash(connection)
    if clash:
        return _refuse(
            f"The name {', '.join(clash)} is taken by something that is not of this product, but"
            " an index or key of it needs that name. Rename what has it, and start again.",
            stamps,
            others,
        )
    live = only_ours(read_catalogue(connection))
    return judge(live, stamps, others, adopt=adopt)


def judge(
    live: Catalogue, stamps: tuple[str, ...], others: tuple[str, ...] = (), *, adopt: bool = False
) -> Recognition:
    """The same from what was read; ``live`` holds at least one table of ours."""
    if not adopt and len(stamps) == 1 and is_newer(stamps[0]):
        return Recognition("newer", stamps, stamps[0], others=others)
    exact = _find_exact(live, stamps)
    if exact and (adopt or len(stamps) < 2):
        return Recognition("exact", stamps, exact, exact, others=others)
    shape, difference = _find_nearest(live)
    objection = (None if adopt else _object_to_stamps(stamps, exact, difference)) or (
        None if exact else _object_to_schema(live, shape, difference, others)
    )
    if objection:
        return Recognition(
            "refused", stamps, None, shape.name, difference, reason=objection, others=others
        )
    return Recognition("drifted", stamps, shape.revision, shape.name, difference, others=others)


def _find_exact(live: Catalogue, stamps: tuple[str, ...]) -> str | None:
    """The stamped revision when the schema bears it out, else the first with that schema."""
    if len(stamps) == 1 and is_known(stamps[0]) and _is_on_its_way(live, stamps[0]):
        return stamps[0]
    return next(
        (
            shape.revision
            for shape in load_shapes()
            if shape.release is None and _agree(live, shape.catalogue)
        ),
        None,
    )


def _agree(live: Catalogue, wanted: Catalogue) -> bool:
    if live.keys() - wanted.keys() or (wanted.keys() - live.keys()) - TRANSIENT:
        return False
    return compare(live, {k: v for k, v in wanted.items() if k in live}).is_none


def _is_on_its_way(live: Catalogue, revision: str) -> bool:
    """At ``revision``, or killed before the next was done: its lines may be there already."""
    here = shape_of(revision).catalogue
    if _agree(live, here):
        return True
    position = [r.name for r in CHAIN].index(revision)
    if position + 1 == len(CHAIN):
        return False
    there = shape_of(CHAIN[position + 1].name).catalogue
    return all(
        value in (here.get(key), there.get(key)) or _is_unfinished(value, there.get(key))
        for key, value in live.items()
    ) and all(key in live or key not in there or key in TRANSIENT for key in here)


def _is_unfinished(value: str, wanted: str | None) -> bool:
    return wanted is not None and value in (f"{wanted} INVALID", f"{wanted} NOT VALID")


def _find_nearest(live: Catalogue) -> tuple[Shape, Difference]:
    alike = sorted(load_shapes(), key=lambda shape: len(shape.catalogue.keys() ^ live.keys()))
    candidates = ((shape, compare(live, shape.catalogue)) for shape in alike[:CANDIDATES])
    return min(candidates, key=lambda pair: (pair[1].distance, len(pair[1].missing)))


def _object_to_stamps(
    stamps: tuple[str, ...], exact: str | None, difference: Difference
) -> str | None:
    if len(stamps) > 1:
        looks = f" Its tables are those of {exact}." if exact else ""
        return (
            f"The table alembic_version has {len(stamps)} rows ({', '.join(stamps)}), as after a"
            f" restore over a database in use.{looks} Which data is whose cannot be told. Restore"
            " the backup into an empty database; or, when you know the data is right, run"
            " `opentr db upgrade --adopt`, which goes by the tables alone."
        )
    if stamps and not is_known(stamps[0]) and not exact and difference.extra:
        return (
            f"The database says it is at {stamps[0]}, which no release of this product knows, and"
            f" it {difference.describe(1)[0]} among {difference.distance} differences from the"
            " nearest known schema. It may belong to a later release of the earlier system. Use a"
            " backup of a version up to 0.4, or run `opentr db upgrade --adopt`, which goes by the"
            " tables alone and keeps what it does not know in the schema `kept`."
        )
    return None


def _object_to_schema(
    live: Catalogue, shape: Shape, difference: Difference, others: tuple[str, ...]
) -> str | None:
    tables = {table_of(key) for key in live if key.startswith("column ")}
    keyed = {table_of(k) for k, v in live.items() if v.startswith("PRIMARY KEY")}
    bare = tables - keyed
    if len(bare) > 2 and len(bare) >= TOO_FEW_KEYS * len(tables):
        return (
            f"{len(bare)} of {len(tables)} tables have no primary key, as after a restore that"
            " stopped on its way, so rows may be missing too. Restore the backup again, into an"
            " empty database, and see that it ends without an error."
        )
    wanted = {k for k in shape.catalogue if k.startswith("column ")}
    share = len(wanted & live.keys()) / len(wanted)
    lost = sorted(CORE - tables)
    if share >= ENOUGH_COLUMNS and not lost:
        return None
    what = "a part of a database of this product" if not others and share > 0.2 else "another one's"
    return (
        f"The tables look like {what}: of the nearest known schema ({shape.name}) {share:.0%} of"
        f" the columns are there{', without the table ' + ', '.join(lost) if lost else ''}."
        " Check that DATABASE_URL names the right database, or restore the backup again, into an"
        " empty database."
    )


def _judge_without_tables(stamps: tuple[str, ...], others: tuple[str, ...]) -> Recognition:
    if len(stamps) == 1 and is_newer(stamps[0]):
        return Recognition("newer", stamps, stamps[0], others=others)
    if others:
        return _refuse(
            f"The database holds none of this product's tables, but others ({', '.join(others[:5])}"
            f"{', …' if len(others) > 5 else ''}). Check that DATABASE_URL names the right"
            " database; this product wants one of its own.",
            stamps,
            others,
        )
    if stamps:
        return _refuse(
            f"The database says it is at {', '.join(stamps)}, but has no tables, as after a restore"
            " that failed. Restore the backup again; or, to start with an empty installation,"
            " remove the table alembic_version.",
            stamps,
        )
    return Recognition("empty")


def _refuse(reason: str, stamps: tuple[str, ...] = (), others: tuple[str, ...] = ()) -> Recognition:
    return Recognition("refused", stamps, reason=reason, others=others)


def _read_stamps(connection: psycopg.Connection[Any]) -> tuple[str, ...] | None:
    found = connection.execute(_STAMP_COLUMN).fetchone()
    if not (found and found[0]):
        return None
    rows = connection.execute(
        "SELECT version_num::text FROM public.alembic_version ORDER BY version_num"
    )
    return tuple(row[0] for row in rows)


def _find_clash(connection: psycopg.Connection[Any]) -> list[str]:
    """Names that the head gives to indexes and keys, and that belong to somebody else here."""
    ours = [*our_tables(), STAMP_TABLE]
    taken = {row[0] for row in connection.execute(_FOREIGN_NAMES, (ours,))}
    needed = {name_of(k) for k in shape_of(HEAD).catalogue if not k.startswith("column ")}
    return sorted(taken & needed)


def is_at_head(recognition: Recognition) -> bool:
    """Whether nothing is left to do."""
    return recognition.kind == "exact" and recognition.stamps == (HEAD,)
