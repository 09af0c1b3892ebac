"""A real PostgreSQL for whoever asks: one server a run, a migrated template, a clone per test."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.schema.migrations.runner import upgrade

TEMPLATE = "template_head"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """Without fsync: what these tests lose in a power cut is only themselves."""
    folder = Path(tempfile.mkdtemp(prefix="opentr-pg-"))
    server = EmbeddedPostgres(folder / "data", folder / "run", uuid.uuid4().hex)
    server.make()
    with (folder / "data" / "postgresql.auto.conf").open("a", encoding="utf-8") as config:
        config.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n")
    server.start(folder / "log")
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_template(postgres_server: EmbeddedPostgres) -> str:
    _administer(postgres_server, f"CREATE DATABASE {TEMPLATE}")
    upgrade(postgres_server.url(TEMPLATE))
    return TEMPLATE


@pytest.fixture
def empty_database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    yield from _database(postgres_server, "template0")


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[str]:
    """SQLAlchemy URL of a database of this test's own, at the newest schema."""
    yield from _database(postgres_server, migrated_template)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Recordings with references, where they are; the product's tests pass without them."""
    named = os.environ.get("OPENTR_TEST_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "audio").is_dir():
        pytest.skip(f"no recordings at {folder}; set OPENTR_TEST_DATA")
    return folder


def _database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:16]}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield server.url(name)
    _administer(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _administer(server: EmbeddedPostgres, statement: str) -> None:
    url = server.url("postgres").replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]
