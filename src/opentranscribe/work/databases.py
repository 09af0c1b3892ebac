"""Whole databases by their URL: connected to, made, copied, sealed, exchanged, dropped.

Nothing here asks for more than an owner who may create databases: somebody's shared server has no
superuser for us. Names are made by us, never by a user.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, LiteralString
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from opentranscribe.kit.errors import UnavailableError

#: Where one connects to while the database itself is made or renamed.
ADMINISTRATIVE = "postgres"
#: How long to try for a database that programs keep coming back to.
BUSY_SECONDS = 20.0

Connection = psycopg.Connection[Any]


class DatabaseAwayError(UnavailableError):
    code = "database_away"
    transient = True


class DatabaseInUseError(UnavailableError):
    """Programs keep connecting to it; whoever meant to exchange it changed nothing."""

    code = "database_in_use"
    transient = True


def plain_url(url: str) -> str:
    """libpq's form of a URL, without SQLAlchemy's driver."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.split('+')[0]}{separator}{rest}"


def name_of(url: str) -> str:
    return unquote(urlsplit(url).path.lstrip("/"))


def with_name(url: str, database: str, who: str | None = None) -> str:
    """The same server, another database and perhaps another user (``name:password``)."""
    parts = urlsplit(plain_url(url))
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{who}@{host}" if who else parts.netloc
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{netloc}/{database}{query}"


def connect(url: str) -> Connection:
    """A connection in autocommit mode. Raises DatabaseAwayError."""
    try:
        return psycopg.connect(
            plain_url(url),
            autocommit=True,
            connect_timeout=10,
            application_name="opentranscribe maintenance",
        )
    except psycopg.OperationalError as error:
        raise DatabaseAwayError(
            f"PostgreSQL does not answer: {str(error).strip()}. Nothing was changed."
            " Check that it runs and that DATABASE_URL is right."
        ) from error


@contextmanager
def administer(url: str) -> Iterator[Connection]:
    with connect(with_name(url, ADMINISTRATIVE)) as connection:
        yield connection


def list_databases(connection: Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


def create_database(connection: Connection, database: str) -> None:
    """An empty one, with nothing that an administrator put into the template."""
    run(connection, "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", database)


def copy_database(connection: Connection, source: str, target: str) -> None:
    """All or nothing, made by the server itself; whoever comes to ``source`` meanwhile waits.

    Raises DatabaseInUseError.
    """
    if target in list_databases(connection):
        return
    statement: LiteralString = "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"
    with _keeping_free(connection, source):
        _when_free(connection, (source,), lambda: run(connection, statement, target, source))


def seal_database(connection: Connection, database: str) -> None:
    """From now on it can only be read, by programs that forgot to stop too. Sessions are ended:
    the next ones cannot write, and what was under way did not happen.

    A setting of the database: neither a copy nor a dump of it has it.
    """
    run(connection, "ALTER DATABASE {} SET default_transaction_read_only = on", database)
    end_sessions(connection, database)


def unseal_database(connection: Connection, database: str) -> None:
    """Where there is one. Sessions that were opened under the seal end with it."""
    if database in list_databases(connection):
        run(connection, "ALTER DATABASE {} RESET default_transaction_read_only", database)
        end_sessions(connection, database)


def rename_database(connection: Connection, old: str, new: str) -> None:
    """Raises DatabaseInUseError."""
    _when_free(
        connection, (old,), lambda: run(connection, "ALTER DATABASE {} RENAME TO {}", old, new)
    )


def drop_database(connection: Connection, database: str) -> None:
    """Where there is one. Raises DatabaseInUseError.

    Not WITH (FORCE): that wants to end an autovacuum worker too, which only a superuser may; the
    plain form asks the worker to leave by itself.
    """
    _when_free(
        connection, (database,), lambda: run(connection, "DROP DATABASE IF EXISTS {}", database)
    )


def exchange(connection: Connection, *, new: str, live: str, old: str) -> None:
    """``new`` takes the place of ``live``, which is called ``old`` from then on.

    Both renames are one transaction: whatever is killed, the server shows either the state before
    or the one after. Raises DatabaseInUseError.
    """

    def rename_both() -> None:
        with connection.transaction():
            run(connection, "ALTER DATABASE {} RENAME TO {}", live, old)
            run(connection, "ALTER DATABASE {} RENAME TO {}", new, live)

    _when_free(connection, (live, new), rename_both)


def write_out(connection: Connection) -> None:
    """What the server still has in memory goes to disk now, and not while somebody waits for its
    end. Only some owners may ask for that, and only our own server is ended by us."""
    with suppress(psycopg.errors.InsufficientPrivilege):
        connection.execute("CHECKPOINT")


def end_sessions(connection: Connection, *databases: str) -> None:
    """Those that we may end. The server's own helpers leave when they are in the way."""
    connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = ANY(%s) AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend' AND pg_has_role(usesysid, 'USAGE')",
        (list(databases),),
    )


def run(connection: Connection, statement: LiteralString, *names: str) -> None:
    """``{}`` in the statement stands for the names, quoted."""
    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def _keeping_free(connection: Connection, database: str) -> Iterator[None]:
    """A program that comes back just before the server locks the database would make it wait five
    seconds, and everybody else with it. Who comes later waits for the lock and is not in the way.
    """
    done = threading.Event()
    dsn, password = connection.info.dsn, connection.info.password

    def keep() -> None:
        with (
            suppress(psycopg.Error),
            psycopg.connect(dsn, password=password, autocommit=True) as second,
        ):
            while not done.wait(0.02):
                end_sessions(second, database)

    thread = threading.Thread(target=keep, name="keeping-free", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _when_free(connection: Connection, databases: tuple[str, ...], act: Callable[[], None]) -> None:
    """Sessions are ended; the tries are for programs that come back at once."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        end_sessions(connection, *databases)
        try:
            return act()
        except psycopg.errors.ObjectInUse as error:
            if time.monotonic() > until:
                raise DatabaseInUseError(
                    f"Programs keep connecting to the database {databases[0]}. Nothing was changed."
                    " Stop them, then try again."
                ) from error
            time.sleep(0.05)
