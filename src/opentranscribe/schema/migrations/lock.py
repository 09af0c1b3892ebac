"""One upgrade at a time: a lock held by the session that does the work, with a pulse beside it.

PostgreSQL lets go of the lock when that session ends, however it ends. A holder that hangs without
ending (stopped, cut off) shows by its pulse, a second session that asks something every two
seconds: whoever waits ends a holder without pulse, and PostgreSQL undoes what it was about.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from opentranscribe.schema.migrations.errors import SchemaBusyError

LOCK_KEY = 42
BEAT_SECONDS = 2.0
#: Three beats missed: the holder is dead.
STALE_SECONDS = 6.5
HOLDER_NAME = "opentranscribe upgrade"

_HOLDER = """
SELECT a.pid, a.application_name, COALESCE(a.client_addr::text, 'this machine'),
       extract(epoch FROM now() - a.backend_start)::float,
       extract(epoch FROM clock_timestamp() - COALESCE(p.query_start, a.state_change))::float,
       a.state, left(a.query, 120), p.pid
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
LEFT JOIN pg_stat_activity p ON p.datid = a.datid AND p.usesysid = a.usesysid
     AND p.application_name = 'opentranscribe pulse of ' || a.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = %s AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY p.query_start DESC NULLS LAST LIMIT 1
"""


@dataclass(frozen=True)
class Holder:
    """Who has the lock. ``age`` and ``silence`` (since the last pulse) are seconds."""

    pid: int
    name: str
    address: str
    age: float
    silence: float
    state: str
    query: str
    pulse_pid: int | None

    @property
    def is_upgrade(self) -> bool:
        return self.name.startswith(HOLDER_NAME)

    @property
    def is_dead(self) -> bool:
        """Only an upgrade of ours can be: others never promised a pulse."""
        if not self.is_upgrade or self.silence < STALE_SECONDS:
            return False
        return self.pulse_pid is not None or self.state != "active"

    def __str__(self) -> str:
        pulse = f", last sign of life {self.silence:.0f} s ago" if self.is_upgrade else ""
        return (
            f"{self.name or 'unnamed'} (session {self.pid} from {self.address}, {self.age:.0f} s"
            f" old{pulse}, last: {self.query})"
        )


@contextmanager
def hold_upgrade_lock(
    connection: psycopg.Connection[Any],
    *,
    open_pulse: Callable[[str], psycopg.Connection[Any]],
    is_done: Callable[[], bool],
    wait_seconds: float,
    report: Callable[[str], None],
) -> Iterator[bool]:
    """Waits for the lock at most ``wait_seconds``; gives False when another did the work meanwhile.

    ``open_pulse`` opens the second session under the name it is given.
    Raises `SchemaBusyError` naming the holder.
    """
    if not _wait(connection, is_done, wait_seconds, report):
        yield False
        return
    try:
        with _pulse(connection, open_pulse):
            yield True
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK_KEY,))


def find_holder(connection: psycopg.Connection[Any]) -> Holder | None:
    """Who holds the lock; PostgreSQL must let us see other sessions of our own user."""
    row = connection.execute(_HOLDER, (LOCK_KEY,)).fetchone()
    return Holder(*row) if row else None


def end_holder(connection: psycopg.Connection[Any], holder: Holder) -> None:
    """Ends the session that has the lock; PostgreSQL undoes its transaction and frees the lock."""
    for pid in (holder.pid, holder.pulse_pid):
        if pid is not None:
            connection.execute("SELECT pg_terminate_backend(%s)", (pid,))


def _wait(
    connection: psycopg.Connection[Any],
    is_done: Callable[[], bool],
    wait_seconds: float,
    report: Callable[[str], None],
) -> bool:
    deadline = time.monotonic() + wait_seconds
    announced = False
    while not _try_lock(connection):
        if is_done():
            return False
        holder = find_holder(connection)
        who = holder or "its holder has just gone"
        if holder and holder.is_dead:
            report(f"ending an upgrade that hangs: {who}")
            end_holder(connection, holder)
        elif time.monotonic() >= deadline:
            raise SchemaBusyError(
                f"Another upgrade of this database has gone on for more than {wait_seconds:.0f} s:"
                f" {who}. Nothing was changed here. Wait for it, or end it if it hangs (`opentr db"
                " unlock`, or restart the process that is named), then start again."
            )
        elif not announced:
            report(f"waiting for another upgrade: {who}")
            announced = True
        time.sleep(random.uniform(0.05, 0.15))  # noqa: S311 - jitter, not a secret
    return True


def _try_lock(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone()
    return bool(row and row[0])


@contextmanager
def _pulse(
    connection: psycopg.Connection[Any], open_pulse: Callable[[str], psycopg.Connection[Any]]
) -> Iterator[None]:
    beating = threading.Event()
    with open_pulse(f"opentranscribe pulse of {connection.info.backend_pid}") as second:

        def beat() -> None:
            while not beating.wait(BEAT_SECONDS):
                try:
                    second.execute("SELECT 1")
                except psycopg.Error:
                    return

        second.execute("SELECT 1")
        thread = threading.Thread(target=beat, name="upgrade pulse", daemon=True)
        thread.start()
        try:
            yield
        finally:
            beating.set()
            thread.join(timeout=BEAT_SECONDS)
