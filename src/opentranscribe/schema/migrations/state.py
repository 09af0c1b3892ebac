"""Where a database stands in the chain by its own word, and what to do. Reads little, locks nothing.

What every process asks before it serves and while it runs; `recognise` looks at the whole schema.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import psycopg

from opentranscribe import __version__
from opentranscribe.schema.migrations.chain import (
    CHAIN,
    HEAD,
    is_known,
    is_newer,
    list_pending,
)
from opentranscribe.schema.migrations.errors import DatabaseUnreachableError, SchemaUnsuitableError
from opentranscribe.schema.migrations.recognise import Recognition

Kind = Literal["empty", "behind", "current", "ahead", "readable", "newer", "unknown"]

_STAMP = """
SELECT to_regclass('public.alembic_version') IS NOT NULL,
       to_regclass('public.user') IS NOT NULL AND to_regclass('public.media_file') IS NOT NULL,
       to_regclass('public.schema_compatibility') IS NOT NULL
"""
_STAMPED = "SELECT version_num FROM public.alembic_version ORDER BY version_num"
_COMPATIBLE = (
    "SELECT oldest_reader, oldest_writer FROM public.schema_compatibility WHERE revision = %s"
)
# What an extension brought along (PostGIS, pg_stat_statements) does not make a database used.
_RELATIONS = """
SELECT count(*) FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
  AND c.relname <> 'alembic_version'
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
"""


@dataclass(frozen=True)
class SchemaState:
    """``revision`` is None when the database is empty or does not say what it is.

    ``ahead``: a later release made it, and lets this one read and write; ``readable``: read only.
    """

    kind: Kind
    revision: str | None
    pending: int = 0

    @property
    def fits(self) -> bool:
        """Whether a process of this release may work on it."""
        return self.kind in {"current", "ahead"}

    @property
    def advice(self) -> str:
        """A sentence or two for the person who runs the installation."""
        match self.kind:
            case "current":
                return f"The database is at {self.revision}, which is what this release needs."
            case "ahead":
                return (
                    f"The database is at {self.revision}, made by a later release, which lets this"
                    f" one ({__version__}, {HEAD}) go on working."
                )
            case "empty":
                return "The database is empty. Run `opentr db upgrade` to create the tables."
            case "behind":
                return (
                    f"The database is at {self.revision}, {self.pending} revisions behind {HEAD}."
                    " Nothing was changed. Run `opentr db upgrade`."
                )
            case "newer" | "readable":
                may = "may read it but not write" if self.kind == "readable" else "may not use it"
                return (
                    f"The database is at {self.revision}, made by a later release than this one"
                    f" ({__version__}, {HEAD}), which {may}. Nothing was changed. Start the later"
                    " release, or restore a backup that was taken with this one."
                )
            case "unknown":
                found = (
                    f"the revision {self.revision}" if self.revision else "tables but no revision"
                )
                return (
                    f"The database has {found}, which this release does not know. Nothing was"
                    " changed. Run `opentr db check` to see what it is; if it is not yours, check"
                    " DATABASE_URL."
                )


def open_connection(
    url: str, *, purpose: str = "check", name: str | None = None
) -> psycopg.Connection[Any]:
    """A connection of its own in autocommit mode, named so that others can see who it is.

    ``url`` is libpq's form or SQLAlchemy's (``postgresql+psycopg://``).
    Raises `DatabaseUnreachableError`.
    """
    scheme, separator, rest = url.partition("://")
    plain = f"postgresql://{rest}" if separator and scheme.startswith("postgres") else url
    try:
        return psycopg.connect(
            plain,
            autocommit=True,
            connect_timeout=10,
            application_name=(name or f"opentranscribe {purpose} {name_process()}")[:63],
        )
    except psycopg.OperationalError as error:
        raise DatabaseUnreachableError(
            f"PostgreSQL does not answer: {str(error).strip()}. Nothing was changed."
            " Check that it runs and that DATABASE_URL is right."
        ) from error


def name_process() -> str:
    """Release, host and process id, for the ledger and for those who wait."""
    return f"{__version__} {platform.node()}:{os.getpid()}"


def read_state(connection: psycopg.Connection[Any]) -> SchemaState:
    """The state of the connection's database, in at most three small queries."""
    row = connection.execute(_STAMP).fetchone()
    has_stamp, has_tables, has_word = row or (False, False, False)
    try:
        rows = connection.execute(_STAMPED).fetchall() if has_stamp else []
    except psycopg.errors.UndefinedColumn:
        return SchemaState("unknown", None)
    if not rows:
        used = connection.execute(_RELATIONS).fetchone()
        return SchemaState("unknown" if used and used[0] else "empty", None)
    revision = ", ".join(row[0] for row in rows)
    if not is_known(revision):
        if len(rows) == 1 and is_newer(revision):
            return SchemaState(
                _judge_newer(connection, revision) if has_word else "newer", revision
            )
        return SchemaState("unknown", revision)
    if not has_tables:
        return SchemaState("unknown", revision)
    pending = len(list_pending(revision))
    return SchemaState("behind" if pending else "current", revision, pending)


def _judge_newer(connection: psycopg.Connection[Any], revision: str) -> Kind:
    row = connection.execute(_COMPATIBLE, (revision,)).fetchone()
    if row is None:
        return "newer"
    reader, writer = row
    ours = CHAIN[-1].number
    return "ahead" if ours >= writer else "readable" if ours >= reader else "newer"


def current(url: str) -> str | None:
    """The revision that the database says it is at; None when it says nothing."""
    return check(url).revision


def check(url: str) -> SchemaState:
    """Where the database stands. Raises `DatabaseUnreachableError`."""
    with open_connection(url) as connection:
        return read_state(connection)


def refuse(found: Recognition) -> NoReturn:
    """Raises `SchemaUnsuitableError` with the reason and the way out."""
    if found.kind == "newer":
        require(SchemaState("newer", found.revision))
    raise SchemaUnsuitableError(
        f"{found.reason} Nothing was changed.", state="unknown", revision=", ".join(found.stamps)
    )


def require(state: SchemaState, *, writes: bool = True) -> None:
    """Raises `SchemaUnsuitableError` with advice unless a process may work on it."""
    if not (state.fits or (state.kind == "readable" and not writes)):
        raise SchemaUnsuitableError(state.advice, state=state.kind, revision=state.revision)


def require_current(url: str, *, writes: bool = True) -> None:
    """What every process calls before it serves. Raises `SchemaUnsuitableError` with advice."""
    require(check(url), writes=writes)
