"""Servers that the contracts are tried on, each started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.opensearch_node import NoOpenSearchError, OpenSearchNode
from tests.contract.redis_server import RedisServer, make_server


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
