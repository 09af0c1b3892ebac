"""Servers that the contracts are tried on, each started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from tests.contract.opensearch_node import NoOpenSearchError, OpenSearchNode
from tests.contract.redis_server import RedisServer, make_server
from tests.contract.searching import make_index

from opentranscribe.adapters.search.postgres import PostgresSearch
from opentranscribe.ports.search import SearchIndex


@pytest.fixture(scope="session")
def opensearch_node() -> Iterator[OpenSearchNode]:
    try:
        node = OpenSearchNode(pressure="8mb")
    except NoOpenSearchError as reason:
        pytest.skip(f"OpenSearch was NOT tried: {reason}")
    yield node
    node.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    made = make_server(tmp_path_factory.mktemp("redis"))
    made.start()
    yield made
    made.kill()


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    engine = create_engine(database_url)
    PostgresSearch(engine).ensure_schema()
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.fixture(params=["memory", "postgres", "opensearch"])
def index(request: pytest.FixtureRequest, session: Session) -> SearchIndex:
    return make_index(request.param, request, session)


@pytest.fixture(params=["postgres", "opensearch"])
def engine_index(request: pytest.FixtureRequest, session: Session) -> SearchIndex:
    """Those that stem, mend words and understand meaning."""
    return make_index(request.param, request, session)
