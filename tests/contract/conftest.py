"""Servers that the contracts are tried on, each started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.opensearch_node import NoOpenSearchError, OpenSearchNode


@pytest.fixture(scope="session")
def opensearch_node() -> Iterator[OpenSearchNode]:
    try:
        node = OpenSearchNode()
    except NoOpenSearchError as reason:
        pytest.skip(f"OpenSearch was NOT tried: {reason}")
    yield node
    node.stop()
