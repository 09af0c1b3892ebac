"""Takes a database to the head of the chain: one runner at a time, one transaction per revision.

Killed at any point, it leaves the database at a revision, or inside one whose steps can all run
again; the next start goes on from there. Advisory lock, retries and limits as in house rule D10.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from opentranscribe.schema.migrations.chain import HEAD, is_known, list_pending
from opentranscribe.schema.migrations.errors import (
    RevisionFailedError,
    SchemaBusyError,
    SchemaUnsuitableError,
)
from opentranscribe.schema.migrations.ledger import Entry, Ledger
from opentranscribe.schema.migrations.lock import hold_upgrade_lock
from opentranscribe.schema.migrations.state import (
    SchemaState,
    check,
    current,
    name_process,
    open_connection,
    read_state,
    require_current,
)
from opentranscribe.schema.migrations.steps import Revision, Step

__all__ = ["Report", "SchemaState", "check", "current", "require_current", "upgrade"]

_Batch = tuple[bool, tuple[Step, ...]]

WAIT_SECONDS = 60.0
# Whoever queues behind a statement of ours waits no longer than this; then we step back.
LOCK_TIMEOUT_MS = 100
# Tools that made the table by themselves gave it 32 letters; some of our names are longer.
_WIDEN_STAMP = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM information_schema.columns
               WHERE table_schema = 'public' AND table_name = 'alembic_version'
               AND column_name = 'version_num' AND character_maximum_length < 128)
    THEN ALTER TABLE public.alembic_version ALTER COLUMN version_num TYPE VARCHAR(128);
    END IF;
END $$
"""
_SESSION = "SET search_path = public; SET statement_timeout = 0; SET lock_timeout = 0"


@dataclass(frozen=True)
class Report:
    """What a run did: ``before`` and ``after`` are revisions, ``applied`` those in between."""

    before: str | None
    after: str | None
    applied: tuple[str, ...]
    seconds: float


def upgrade(
    url: str,
    *,
    target: str = "head",
    report: Callable[[str], None] = lambda line: None,
    wait_seconds: float = WAIT_SECONDS,
) -> Report:
    """Brings the database to ``target``, or finds it there without taking a lock.

    ``report`` gets one line per revision. Raises `SchemaUnsuitableError` (newer, unknown, or a
    target that does not exist), `SchemaBusyError`, `RevisionFailedError`,
    `DatabaseUnreachableError`.
    """
    if target != "head" and not is_known(target):
        raise SchemaUnsuitableError(f"There is no revision {target}; the newest is {HEAD}.")
    started = time.monotonic()
    with open_connection(url, purpose="upgrade") as connection:
        connection.execute(_SESSION)
        before = _require_upgradable(connection)
        applied: tuple[str, ...] = ()
        if list_pending(before, target):
            with hold_upgrade_lock(connection, wait_seconds=wait_seconds, report=report):
                applied = _apply_pending(connection, target, report, wait_seconds)
        after = read_state(connection).revision
    return Report(before, after, applied, time.monotonic() - started)


def _require_upgradable(connection: psycopg.Connection[Any]) -> str | None:
    state = read_state(connection)
    if state.kind in ("newer", "unknown"):
        raise SchemaUnsuitableError(state.advice, state=state.kind, revision=state.revision)
    return state.revision


def _apply_pending(
    connection: psycopg.Connection[Any],
    target: str,
    report: Callable[[str], None],
    wait_seconds: float,
) -> tuple[str, ...]:
    # Read again: whoever had the lock before us may have done the work.
    before = _require_upgradable(connection)
    pending = list_pending(before, target)
    connection.execute(_WIDEN_STAMP)
    ledger = Ledger(by=name_process())
    for number, revision in enumerate(pending, start=1):
        started = time.monotonic()
        _apply_revision(connection, revision, before, ledger, wait_seconds)
        report(f"{number}/{len(pending)} {revision.name} ({time.monotonic() - started:.2f} s)")
        before = revision.name
    return tuple(revision.name for revision in pending)


def _apply_revision(
    connection: psycopg.Connection[Any],
    revision: Revision,
    before: str | None,
    ledger: Ledger,
    wait_seconds: float,
) -> None:
    started = time.monotonic()
    batches = list(_batch(revision.steps))
    for last, (transactional, steps) in _mark_last(batches):
        if not transactional:
            for step in steps:
                _run_step(connection, revision, step)
            continue

        def work(steps: Sequence[Step] = steps, last: bool = last) -> None:
            for step in steps:
                _run_step(connection, revision, step)
            if last:
                _stamp(connection, revision.name)
                entry = Entry(revision.name, before, time.monotonic() - started)
                ledger.write(connection, entry)

        _commit_with_patience(connection, revision, work, wait_seconds)


def _batch(steps: Sequence[Step]) -> Iterator[_Batch]:
    """Neighbouring transactional steps share a transaction; the stamp always gets one."""
    transactional = False
    for transactional, group in itertools.groupby(steps, key=lambda step: step.transactional):
        yield transactional, tuple(group)
    if not transactional:
        yield True, ()


def _mark_last(items: Sequence[_Batch]) -> Iterator[tuple[bool, _Batch]]:
    for index, item in enumerate(items, start=1):
        yield index == len(items), item


def _commit_with_patience(
    connection: psycopg.Connection[Any],
    revision: Revision,
    work: Callable[[], None],
    wait_seconds: float,
) -> None:
    """Runs ``work`` in a transaction; when a table is held, steps back and tries again."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
                work()
            return
        except psycopg.errors.LockNotAvailable as error:
            if time.monotonic() >= deadline:
                raise SchemaBusyError(
                    f"{revision.name} needs a table that another session has held for more than"
                    f" {wait_seconds:.0f} s. The database is as it was before that revision. Stop"
                    " the processes that use it, then start again."
                ) from error
            time.sleep(random.uniform(0.05, 0.5))  # noqa: S311 - jitter, not a secret


def _run_step(connection: psycopg.Connection[Any], revision: Revision, step: Step) -> None:
    try:
        connection.execute(step.sql.encode())
    except psycopg.errors.LockNotAvailable:
        raise
    except psycopg.Error as error:
        raise RevisionFailedError(
            f"{revision.name} could not be applied ({step.name}): {str(error).strip()}."
            " That revision was undone, those before it stay. Nothing was lost.",
            revision=revision.name,
            step=step.name,
        ) from error


def _stamp(connection: psycopg.Connection[Any], name: str) -> None:
    connection.execute("DELETE FROM public.alembic_version")
    connection.execute("INSERT INTO public.alembic_version (version_num) VALUES (%s)", (name,))
