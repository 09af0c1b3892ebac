"""Takes a database to the head: by the chain from a known schema, by a repair from one near it.

One runner at a time. Killed at any point, it leaves the database at a revision, or inside one whose
steps can all run again, or before the repair; the next start goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

from opentranscribe.schema.migrations.chain import CHAIN, HEAD, is_known, list_pending
from opentranscribe.schema.migrations.errors import SchemaUnsuitableError
from opentranscribe.schema.migrations.execution import (
    commit_with_patience,
    drop_invalid_indexes,
    run_revision,
)
from opentranscribe.schema.migrations.fingerprint import read_catalogue
from opentranscribe.schema.migrations.ledger import Entry, Ledger
from opentranscribe.schema.migrations.lock import hold_upgrade_lock
from opentranscribe.schema.migrations.recognise import Recognition, is_at_head, recognise
from opentranscribe.schema.migrations.repair.ahead import lines_ahead, mend_ahead
from opentranscribe.schema.migrations.repair.engine import repair, sync_sequences
from opentranscribe.schema.migrations.repair.mender import Change, Mender
from opentranscribe.schema.migrations.repair.row_proof import RowProof, compare_rows, read_rows
from opentranscribe.schema.migrations.shapes import only_ours, shape_of
from opentranscribe.schema.migrations.stamp import stamp
from opentranscribe.schema.migrations.state import (
    SchemaState,
    check,
    current,
    name_process,
    open_connection,
    read_state,
    refuse,
    require_current,
)
from opentranscribe.schema.migrations.steps import Revision

__all__ = ["Report", "SchemaState", "check", "current", "require_current", "upgrade"]

WAIT_SECONDS = 60.0
REPAIRED = "repaired"
# Tools that made the table by themselves gave it 32 letters; some of our names are longer.
_WIDEN_STAMP = """
CREATE TABLE IF NOT EXISTS public.alembic_version (
    version_num VARCHAR(128) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY
);
DO $$ BEGIN
    IF EXISTS (SELECT FROM information_schema.columns
               WHERE table_schema = 'public' AND table_name = 'alembic_version'
               AND column_name = 'version_num'
               AND character_maximum_length IS DISTINCT FROM 128)
    THEN ALTER TABLE public.alembic_version ALTER COLUMN version_num TYPE VARCHAR(128);
    END IF;
END $$
"""
_SESSION = "SET search_path = public; SET statement_timeout = 0; SET lock_timeout = 0"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """What a run did: ``before`` and ``after`` are revisions, ``applied`` those in between.

    ``recognised`` says what the database was; ``operations`` what a repair did to the schema,
    ``changes`` what became of rows in the way, ``proofs`` how the rows of each table compare.
    """

    before: str | None
    after: str | None
    applied: tuple[str, ...]
    seconds: float
    recognised: str = ""
    operations: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    proofs: tuple[RowProof, ...] = field(default=())


def upgrade(
    url: str,
    *,
    target: str = "head",
    report: Say = lambda line: None,
    wait_seconds: float = WAIT_SECONDS,
    thorough: bool = False,
    adopt: bool = False,
) -> Report:
    """Brings the database to ``target``, or finds it there without taking a lock.

    ``report`` gets one line per revision or operation. ``thorough`` compares the whole schema even
    when the database says it is at the head. ``adopt``: see `recognise`.
    Raises `SchemaUnsuitableError` (refused, newer, or a target that does not exist),
    `SchemaBusyError`, `RevisionFailedError`, `DatabaseUnreachableError`.
    """
    if target != "head" and not is_known(target):
        raise SchemaUnsuitableError(f"There is no revision {target}; the newest is {HEAD}.")
    started = time.monotonic()
    with open_connection(url, purpose="upgrade") as connection:
        connection.execute(_SESSION)
        state = read_state(connection)
        if state.kind == "ahead" or (state.kind == "current" and not thorough):
            return Report(state.revision, state.revision, (), time.monotonic() - started)
        run = _Run(connection, target, report, wait_seconds, adopt)
        found = run.look() if state.kind == "current" else None
        if found and found.kind == "exact" and not run.has_work(found):
            done = Report(found.revision, found.revision, (), 0.0, describe(found))
        else:
            done = _bring_alone(run, url)
    return replace(done, seconds=time.monotonic() - started)


def _bring_alone(run: _Run, url: str) -> Report:
    with hold_upgrade_lock(
        run.connection,
        open_pulse=lambda name: open_connection(url, name=name),
        is_done=lambda: read_state(run.connection).kind == "current",
        wait_seconds=run.wait_seconds,
        report=run.report,
    ) as is_mine:
        if not is_mine:
            return Report(HEAD, HEAD, (), 0.0)
        # Again: whoever had the lock before us may have done the work.
        return run.bring(run.recognise())


def describe(found: Recognition) -> str:
    """What a database is, in a sentence."""
    match found.kind:
        case "empty":
            return "The database is empty."
        case "exact" if found.is_tracked:
            return f"The database is at {found.revision}, and its schema bears that out."
        case "exact":
            said = f"says {', '.join(found.stamps)}" if found.stamps else "does not say what it is"
            return f"The database {said}; its schema is that of {found.revision}."
        case "drifted" if found.distance == 0:
            return f"The schema means the same as that of {found.nearest}."
        case "drifted":
            return (
                f"The schema differs in {found.distance} places from the nearest known one"
                f" ({found.nearest})."
            )
        case _:
            return found.reason


@dataclass
class _Run:
    connection: psycopg.Connection[Any]
    target: str
    report: Say
    wait_seconds: float
    adopt: bool

    def look(self) -> Recognition | None:
        """Without the lock: on a schema at the head nobody should be at work."""
        try:
            return recognise(self.connection, adopt=self.adopt)
        except psycopg.Error:
            return None

    def recognise(self) -> Recognition:
        """Under the lock; what it cannot work with it refuses."""
        found = recognise(self.connection, adopt=self.adopt)
        if found.kind in {"newer", "refused"}:
            refuse(found)
        if found.kind == "drifted" and self.target != "head":
            if len(found.stamps) == 1 and is_known(found.stamps[0]):
                return replace(found, kind="exact", revision=found.stamps[0])
            raise SchemaUnsuitableError(
                f"{describe(found)} Only `opentr db upgrade` without --to repairs it. Nothing was"
                " changed."
            )
        return found

    def has_work(self, found: Recognition) -> bool:
        if found.kind == "exact" and self.target != "head":
            return bool(list_pending(found.revision, self.target))
        return not is_at_head(found)

    def bring(self, found: Recognition) -> Report:
        if not self.has_work(found):
            return Report(found.revision, found.revision, (), 0.0, describe(found))
        ledger = Ledger(by=name_process())
        if found.kind == "drifted":
            return self._repair(found, ledger)
        return self._run_chain(found, ledger)

    def _repair(self, found: Recognition, ledger: Ledger) -> Report:
        self.report(describe(found))
        drop_invalid_indexes(self.connection)
        done: list[Report] = []

        def work() -> None:
            started, written = time.monotonic(), _read_written(self.connection)
            result = repair(self.connection, report=self.report)
            stamp(self.connection, HEAD)
            seconds = time.monotonic() - started
            moved = sum(change.rows for change in result.changes)
            before = ", ".join(found.stamps) or None
            log = "\n".join([*result.operations, *map(str, result.changes)])
            size = _read_written(self.connection) - written
            entry = Entry(HEAD, before, seconds, REPAIRED, rows=moved, bytes=size, log=log)
            ledger.write(self.connection, entry)
            done[:] = [
                Report(
                    before,
                    HEAD,
                    (),
                    0.0,
                    describe(found),
                    result.operations,
                    result.changes,
                    result.proofs,
                )
            ]

        commit_with_patience(self.connection, "The repair", work, self.wait_seconds)
        return done[0]

    def _run_chain(self, found: Recognition, ledger: Ledger) -> Report:
        before = found.revision
        pending = list_pending(before, self.target)
        held = {}
        with self.connection.transaction():
            if before:
                held = read_rows(self.connection, only_ours(read_catalogue(self.connection)))
                sync_sequences(Mender(self.connection))
        self.connection.execute(_WIDEN_STAMP)
        if not found.is_tracked and before:
            with self.connection.transaction():
                stamp(self.connection, before)
        changes: list[Change] = []
        for number, revision in enumerate(pending, start=1):
            started = time.monotonic()
            changes += self._apply(revision, before, ledger)
            seconds = time.monotonic() - started
            self.report(f"{number}/{len(pending)} {revision.name} ({seconds:.2f} s)")
            before = revision.name
        with self.connection.transaction():
            live = only_ours(read_catalogue(self.connection))
            proofs = tuple(compare_rows(self.connection, held, live, changes))
        applied = tuple(revision.name for revision in pending)
        done = Report(
            found.revision, before, applied, 0.0, describe(found), (), tuple(changes), proofs
        )
        return self._settle(done, ledger)

    def _settle(self, done: Report, ledger: Ledger) -> Report:
        """Rows moved on the way took links off; what then differs is repaired at the end."""
        if self.target != "head":
            return done
        found = self.recognise()
        if found.kind != "drifted":
            return done
        more = self._repair(found, ledger)
        return replace(done, operations=more.operations, changes=(*done.changes, *more.changes))

    def _apply(self, revision: Revision, before: str | None, ledger: Ledger) -> list[Change]:
        started, written = time.monotonic(), _read_written(self.connection)
        changes = self._mend(revision, before)

        def finish() -> None:
            stamp(self.connection, revision.name)
            rows = sum(change.rows for change in changes)
            log = "\n".join(map(str, changes))
            seconds = time.monotonic() - started
            size = _read_written(self.connection) - written
            entry = Entry(revision.name, before, seconds, rows=rows, bytes=size, log=log)
            ledger.write(self.connection, entry)

        run_revision(
            self.connection,
            revision,
            target=self.target,
            finish=finish,
            wait_seconds=self.wait_seconds,
        )
        return changes

    def _mend(self, revision: Revision, before: str | None) -> list[Change]:
        if before is None or revision not in CHAIN:
            return []
        here, there = shape_of(before).catalogue, shape_of(revision.name).catalogue
        if not lines_ahead(here, there):
            return []
        menders: list[Mender] = []

        def work() -> None:
            menders[:] = [Mender(self.connection)]
            mend_ahead(menders[0], here, there)

        commit_with_patience(self.connection, revision.name, work, self.wait_seconds)
        return menders[0].changes


def _read_written(connection: psycopg.Connection[Any]) -> int:
    """Bytes of write-ahead log since the server was made."""
    row = connection.execute(
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
    ).fetchone()
    return int(row[0]) if row else 0
