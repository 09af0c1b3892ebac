"""Runs one revision: a transaction for the steps that share one, patience with tables in use."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg

from opentranscribe.schema.migrations.chain import list_pending
from opentranscribe.schema.migrations.errors import RevisionFailedError, SchemaBusyError
from opentranscribe.schema.migrations.repair.definitions import quote
from opentranscribe.schema.migrations.steps import Revision, Step

_Batch = tuple[bool, tuple[Step, ...]]

# Whoever queues behind a statement of ours waits no longer than this; then we step back.
LOCK_TIMEOUT_MS = 100

_INVALID = """
SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
WHERE NOT x.indisvalid AND i.relnamespace = 'public'::regnamespace
"""


def run_revision(
    connection: psycopg.Connection[Any],
    revision: Revision,
    *,
    target: str,
    finish: Callable[[], None],
    wait_seconds: float,
) -> None:
    """All steps but those that a later revision up to ``target`` undoes; ``finish`` runs in the
    transaction of the last ones. Raises `RevisionFailedError`, `SchemaBusyError`."""
    ahead = {later.name for later in list_pending(revision.name, target)}
    steps = [step for step in revision.steps if step.until not in ahead]
    batches = list(_batch(steps))
    for last, (transactional, group) in _mark_last(batches):
        if not transactional:
            for step in group:
                _run_apart(connection, revision, step, wait_seconds)
            continue

        def work(steps: Sequence[Step] = group, last: bool = last) -> None:
            for step in steps:
                run_step(connection, revision, step)
            if last:
                finish()

        commit_with_patience(connection, revision.name, work, wait_seconds)


def commit_with_patience(
    connection: psycopg.Connection[Any],
    what: str,
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
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            if time.monotonic() >= deadline:
                raise SchemaBusyError(
                    f"{what} needs a table that another session has held for more than"
                    f" {wait_seconds:.0f} s. The database is as it was before that. Stop"
                    " the processes that use it, then start again."
                ) from error
            time.sleep(random.uniform(0.05, 0.5))  # noqa: S311 - jitter, not a secret


def run_step(connection: psycopg.Connection[Any], revision: Revision, step: Step) -> None:
    try:
        connection.execute(step.sql.encode())
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        raise
    except psycopg.Error as error:
        raise RevisionFailedError(
            f"{revision.name} could not be applied ({step.name}): {str(error).strip()}."
            " That revision was undone, those before it stay. Nothing was lost.",
            revision=revision.name,
            step=step.name,
        ) from error


def drop_invalid_indexes(connection: psycopg.Connection[Any]) -> None:
    """What a concurrent build leaves behind when it is killed or refused."""
    for (name,) in connection.execute(_INVALID).fetchall():
        connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS public.{quote(name)}".encode())


def _run_apart(
    connection: psycopg.Connection[Any], revision: Revision, step: Step, wait_seconds: float
) -> None:
    """Such statements let readers and writers pass while they wait, so they may wait for long."""
    connection.execute(f"SET lock_timeout = {max(int(wait_seconds * 1000), LOCK_TIMEOUT_MS)}")
    try:
        drop_invalid_indexes(connection)
        run_step(connection, revision, step)
    except psycopg.errors.LockNotAvailable as error:
        raise SchemaBusyError(
            f"{revision.name} waited more than {wait_seconds:.0f} s for a transaction that does not"
            f" end ({step.name}). The next start goes on from there. Stop the processes that use"
            " the database, then start again."
        ) from error
    finally:
        connection.execute("SET lock_timeout = 0")


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
