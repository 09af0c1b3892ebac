"""Connections are alike on every server, however it was set up."""

from __future__ import annotations

from datetime import UTC

import pytest
from sqlalchemy import create_engine, make_url, text

from opentranscribe.adapters.database.connections import OF_REQUESTS, bounded_engine


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Etc/UTC"])
class TestTimes:
    def test_come_as_utc_from_a_server_in_any_zone(self, database_url: str, zone: str) -> None:
        name = make_url(database_url).database
        owner = create_engine(database_url, isolation_level="AUTOCOMMIT")
        with owner.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {name} SET timezone TO '{zone}'"))
        owner.dispose()
        engine = bounded_engine(database_url, OF_REQUESTS, 1)
        with engine.connect() as connection:
            now = connection.scalar(text("SELECT now()"))
        engine.dispose()
        assert now is not None
        assert now.tzinfo is UTC
