"""One upgrade at a time: a session lock held by the connection that does the work.

PostgreSQL lets go of it when that session ends, however it ends, so a killed upgrade blocks nobody.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from opentranscribe.schema.migrations.errors import SchemaBusyError

LOCK_KEY = 42

_HOLDER = """
SELECT a.pid, a.application_name, COALESCE(a.client_addr::text, 'this machine'),
       extract(epoch FROM now() - a.backend_start)::int, left(a.query, 120)
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = %s AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@contextmanager
def hold_upgrade_lock(
    connection: psycopg.Connection[Any], *, wait_seconds: float, report: Callable[[str], None]
) -> Iterator[None]:
    """Waits for the lock at most ``wait_seconds``; raises `SchemaBusyError` naming the holder."""
    deadline = time.monotonic() + wait_seconds
    announced = False
    while not _try_lock(connection):
        if time.monotonic() >= deadline:
            raise SchemaBusyError(
                f"Another upgrade of this database has gone on for more than {wait_seconds:.0f} s:"
                f" {describe_holder(connection)}. Nothing was changed here. Wait for it, or end"
                " it if it hangs, then start again."
            )
        if not announced:
            report(f"waiting for another upgrade: {describe_holder(connection)}")
            announced = True
        time.sleep(random.uniform(0.05, 0.15))  # noqa: S311 - jitter, not a secret
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK_KEY,))


def describe_holder(connection: psycopg.Connection[Any]) -> str:
    """Who holds the lock, in words; PostgreSQL must let us see other sessions of our own user."""
    row = connection.execute(_HOLDER, (LOCK_KEY,)).fetchone()
    if row is None:
        return "its holder has just gone"
    pid, name, address, age, query = row
    return f"{name or 'unnamed'} (session {pid} from {address}, {age} s old, last: {query})"


def _try_lock(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone()
    return bool(row and row[0])
