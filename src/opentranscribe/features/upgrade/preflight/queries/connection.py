"""The one connection of a preflight: short patience, and named so that others know who it is."""

from __future__ import annotations

import time
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]
CONNECT_SECONDS = 2
STATEMENT_MILLISECONDS = 600


def open_connection(url: str) -> Connection:
    """Read-only and in autocommit mode. Raises psycopg.Error.

    The limits are set afterwards, not as options, so that what the server has set can be read.
    """
    scheme, separator, rest = url.partition("://")
    plain = f"postgresql://{rest}" if separator and scheme.startswith("postgres") else url
    connection = psycopg.connect(
        plain,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name="opentranscribe preflight",
    )
    connection.execute(f"SET statement_timeout = {STATEMENT_MILLISECONDS}")
    connection.execute("SET lock_timeout = 200")
    return connection


def measure_clock(connection: Connection) -> float:
    """Seconds that the server's clock is ahead of ours, to half the time of a question."""
    before = time.time()
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    after = time.time()
    return float(row[0]) - (before + after) / 2 if row else 0.0


def fetch_one(connection: Connection, query: str, *values: object) -> tuple[Any, ...]:
    row = connection.execute(query.encode(), values or None).fetchone()
    if row is None:
        raise psycopg.DataError("the server gave no answer")
    return tuple(row)


def fetch_all(connection: Connection, query: str, *values: object) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(query.encode(), values or None).fetchall()]


def table_exists(connection: Connection, table: str) -> bool:
    return bool(fetch_one(connection, "SELECT to_regclass(%s) IS NOT NULL", table)[0])
