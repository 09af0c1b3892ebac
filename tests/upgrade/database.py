"""Small things every test of the chain needs: run a revision, read the catalogue, seed rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from opentranscribe.schema.migrations.chain import CHAIN
from opentranscribe.schema.migrations.fingerprint import Catalogue, read_catalogue
from opentranscribe.schema.migrations.state import open_connection
from opentranscribe.schema.migrations.steps import Revision

Connection = psycopg.Connection[Any]
BY_NAME = {revision.name: revision for revision in CHAIN}


def connect(url: str) -> Connection:
    return open_connection(url, purpose="test")


def apply(connection: Connection, revision: Revision) -> None:
    for step in revision.steps:
        connection.execute(step.sql.encode())


def one(connection: Connection, query: str, *values: object) -> Any:
    """The first column of the first row."""
    row = connection.execute(query.encode(), values).fetchone()
    assert row is not None
    return row[0]


def read_with_settings(connection: Connection) -> Catalogue:
    """The catalogue and the rows that the chain seeds."""
    catalogue = read_catalogue(connection)
    if one(connection, "SELECT to_regclass('public.system_settings') IS NOT NULL"):
        for key, value in connection.execute("SELECT key, value FROM system_settings"):
            catalogue[f"row system_settings[{key}]"] = json.dumps({"key": key, "value": value})
    return catalogue


def add_user(connection: Connection, email: str = "ann@example.org") -> int:
    """By columns that every revision has."""
    query = """INSERT INTO "user" (email, hashed_password, full_name)
               VALUES (%s, 'x', 'Ann') RETURNING id"""
    return int(one(connection, query, email))


def add_file(connection: Connection, user_id: int, status: str = "completed") -> int:
    query = """INSERT INTO media_file (user_id, filename, storage_path, file_size, content_type,
                                       status)
               VALUES (%s, 'a.wav', 'a/a.wav', 10, 'audio/wav', %s) RETURNING id"""
    return int(one(connection, query, user_id, status))


def add_segment(connection: Connection, file_id: int, text: str, start: float = 0.0) -> int:
    query = """INSERT INTO transcript_segment (media_file_id, start_time, end_time, text)
               VALUES (%s, %s, %s, %s) RETURNING id"""
    return int(one(connection, query, file_id, start, start + 1.0, text))


@contextmanager
def held(url: str, statement: str) -> Iterator[None]:
    """Another session that ran ``statement`` in a transaction and does not end it."""
    with connect(url) as other, other.transaction():
        other.execute(statement.encode())
        yield
