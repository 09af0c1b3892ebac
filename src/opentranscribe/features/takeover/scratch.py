"""The database aside: made, handed to a role that may do nothing else, taken back, put in place."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from psycopg import sql

from opentranscribe.work.databases import (
    Connection,
    administer,
    connect,
    create_database,
    drop_database,
    end_sessions,
    exchange,
    run,
    with_name,
)

PREFIX = "opentr_import_"


@dataclass(frozen=True)
class Scratch:
    """``url`` is ours; ``guest_url`` that of the role which reads the dump. They are the same where
    we are no superuser ourselves and could do no harm."""

    name: str
    url: str
    guest_url: str
    guest: str | None


def make_scratch(url: str) -> Scratch:
    """An empty database on the server of ``url``. What a killed import left behind is removed."""
    name = f"{PREFIX}{secrets.token_hex(6)}"
    with administer(url) as connection:
        _remove_left_behind(connection)
        guest, guest_url = None, with_name(url, name)
        if _is_superuser(connection):
            guest, password = name, secrets.token_urlsafe(24)
            connection.execute(
                sql.SQL(
                    "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"
                    " PASSWORD {}"
                ).format(sql.Identifier(name), sql.Literal(password))
            )
            guest_url = with_name(url, name, f"{name}:{password}")
        create_database(connection, name)
        if guest:
            run(connection, "ALTER DATABASE {} OWNER TO {}", name, guest)
    return Scratch(name, with_name(url, name), guest_url, guest)


def take_back(scratch: Scratch) -> None:
    """The guest's things become ours, and the guest is gone."""
    if scratch.guest is None:
        return
    with connect(scratch.url) as connection:
        end_sessions(connection, scratch.name)
        run(connection, "REASSIGN OWNED BY {} TO CURRENT_USER", scratch.guest)
        run(connection, "DROP OWNED BY {}", scratch.guest)
        run(connection, "ALTER DATABASE {} RESET ALL", scratch.name)
        run(connection, "DROP ROLE {}", scratch.guest)


def drop_scratch(scratch: Scratch) -> None:
    with administer(scratch.url) as connection:
        drop_database(connection, scratch.name)
        if scratch.guest:
            run(connection, "DROP ROLE IF EXISTS {}", scratch.guest)


def put_in_place(scratch: Scratch, live: str) -> None:
    """The scratch database takes the place of ``live``, which is dropped after that.

    Raises DatabaseInUseError; then the live one is as before.
    """
    old = f"{scratch.name}_old"
    with administer(scratch.url) as connection:
        exchange(connection, new=scratch.name, live=live, old=old)
        drop_database(connection, old)


def _remove_left_behind(connection: Connection) -> None:
    names = connection.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (PREFIX,)
    ).fetchall()
    for (name,) in names:
        drop_database(connection, name)
    roles = connection.execute(
        "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", (PREFIX,)
    ).fetchall()
    for (name,) in roles:
        run(connection, "DROP ROLE IF EXISTS {}", name)


def _is_superuser(connection: Connection) -> bool:
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    found = row.fetchone()
    return bool(found and found[0])
