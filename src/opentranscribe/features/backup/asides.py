"""Databases that a restore builds beside the live one, and the end of those whose restore died.

Who builds one holds an advisory lock of its name, in a session of the administrative database: the
server takes that lock back when the process dies, however it dies.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

import psycopg

from opentranscribe.features.backup.errors import RestoreFailedError
from opentranscribe.kit.errors import AppError
from opentranscribe.work import databases

#: After the name of the live one: a whole backup brought back, and one that rows are read from.
_SUFFIX = r"_(restored_\d{8}_\d{6}|rows_[0-9a-f]{8})"
#: Two numbers, the first one ours alone: nobody else's locks on this server are meant.
_LOCK_SPACE = 5_061
_LOCK = "SELECT pg_try_advisory_lock(%s, hashtext(%s))"
_UNLOCK = "SELECT pg_advisory_unlock(%s, hashtext(%s))"
#: Servers before PostgreSQL 14 do not know it; a build may take longer than a session may idle.
_STAY = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'"


@contextmanager
def building(url: str, database: str) -> Iterator[None]:
    """While it is built and not yet swapped in: nobody sweeps it away. When that fails it is
    dropped. Raises RestoreFailedError when somebody else builds one of that name."""
    with databases.administer(url) as connection:
        connection.execute(_STAY)
        if not _lock(connection, database):
            raise RestoreFailedError(
                f"Another restore is building {database}. Nothing was changed. Wait until it has"
                " ended, then try again."
            )
        try:
            yield
        except BaseException:
            # What went wrong is what is told; a database left over is swept away later.
            with suppress(AppError, psycopg.Error), databases.administer(url) as second:
                databases.drop_database(second, database)
            raise


def sweep(url: str, named: Collection[str] = ()) -> list[str]:
    """Drop those that nobody builds any more and that are not ``named``; which they were.

    Raises DatabaseAwayError, DatabaseInUseError.
    """
    pattern = re.compile(re.escape(databases.name_of(url)) + _SUFFIX)
    dropped = []
    with databases.administer(url) as connection:
        for database in sorted(databases.list_databases(connection)):
            if database in named or not pattern.fullmatch(database):
                continue
            if not _lock(connection, database):
                continue
            try:
                databases.drop_database(connection, database)
            finally:
                connection.execute(_UNLOCK, (_LOCK_SPACE, database))
            dropped.append(database)
    return dropped


def _lock(connection: databases.Connection, database: str) -> bool:
    row = connection.execute(_LOCK, (_LOCK_SPACE, database)).fetchone()
    return bool(row and row[0])
