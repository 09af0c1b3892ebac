"""An earlier installation, and an empty one of ours on the same server."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.takeover.earlier import Earlier, make_earlier
from tests.upgrade.database import connect

from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres, wheel_binaries
from opentranscribe.features.takeover.service import Places, Takeover

MakeDatabase = Callable[[], str]
MakeTakeover = Callable[[Path], Takeover]


@pytest.fixture(scope="session")
def make_database(postgres_server: EmbeddedPostgres) -> Iterator[MakeDatabase]:
    """URLs of empty databases, gone at the end."""
    made: list[str] = []

    def make() -> str:
        made.append(f"earlier_{uuid.uuid4().hex[:12]}")
        with connect(postgres_server.url("postgres")) as connection:
            connection.execute(f"CREATE DATABASE {made[-1]} TEMPLATE template0".encode())
        return postgres_server.url(made[-1])

    yield make
    with connect(postgres_server.url("postgres")) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


@pytest.fixture(scope="session")
def earlier(make_database: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> Earlier:
    """At the last schema of the earlier system."""
    return make_earlier(make_database(), tmp_path_factory.mktemp("earlier"))


@pytest.fixture
def takeover(empty_database_url: str, tmp_path: Path) -> Iterator[MakeTakeover]:
    """Of a dump into an empty database; what is left aside is discarded."""
    begun: list[Takeover] = []
    places = Places(wheel_binaries(), tmp_path / "import", tmp_path / "scratch")
    places.state_dir.mkdir()
    places.scratch_dir.mkdir()

    def make(dump: Path) -> Takeover:
        begun.append(Takeover(places, empty_database_url, dump, lambda line: None))
        return begun[-1]

    yield make
    for one in begun:
        one.discard()
