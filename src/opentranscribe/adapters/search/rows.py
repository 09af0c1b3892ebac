"""Rows by the driver's binary protocol, within the caller's transaction.

The posting lists of common words are hundreds of kilobytes; as text they would be sent twice as
long and parsed on top.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy.orm import Session

from opentranscribe.kit.errors import UnavailableError


def fetch(session: Session, statement: str, values: Mapping[str, Any]) -> list[Any]:
    """All rows as named tuples; parameters are written ``%(name)s``. Raises UnavailableError."""
    with _driver(session) as connection:
        cursor = connection.cursor(binary=True, row_factory=namedtuple_row)
        return cursor.execute(statement, values).fetchall()


def copy_rows(
    session: Session, table: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]
) -> None:
    """COPY into ``table``; ``columns`` are names with types. A value of type bytea is sent as it
    is, so that it may be the binary form of any type."""
    names = ", ".join(columns)
    statement = f"COPY {table} ({names}) FROM STDIN (FORMAT binary)"
    with (
        _driver(session) as connection,
        connection.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)


@contextmanager
def _driver(session: Session) -> Iterator[psycopg.Connection[Any]]:
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    try:
        yield connection
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise UnavailableError("The search index does not answer.") from error
