"""Databases are exchanged and dropped by an owner who is no superuser, whoever else is connected."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.work import databases


@pytest.fixture
def owner_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """Of a database whose owner may make databases, and no more."""
    url = postgres_server.url("postgres")
    with databases.connect(url) as connection:
        connection.execute("CREATE ROLE plain_owner LOGIN CREATEDB PASSWORD 'plain'")
        connection.execute("CREATE DATABASE plain_live OWNER plain_owner")
    yield databases.with_name(url, "plain_live", "plain_owner:plain")
    with databases.connect(url) as connection:
        for name in ("plain_live", "plain_new", "plain_old"):
            databases.drop_database(connection, name)
        connection.execute("DROP ROLE plain_owner")


class TestExchange:
    def test_ends_the_sessions_of_its_own_role(self, owner_url: str) -> None:
        with databases.administer(owner_url) as connection, databases.connect(owner_url) as other:
            databases.create_database(connection, "plain_new")
            databases.exchange(connection, new="plain_new", live="plain_live", old="plain_old")
            assert {"plain_live", "plain_old"} <= databases.list_databases(connection)
            with pytest.raises(psycopg.OperationalError):
                other.execute("SELECT 1")

    def test_changes_nothing_while_somebody_greater_is_connected(
        self,
        owner_url: str,
        postgres_server: EmbeddedPostgres,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(databases, "BUSY_SECONDS", 0.0)
        with (
            databases.connect(postgres_server.url("plain_live")) as greater,
            databases.administer(owner_url) as connection,
        ):
            databases.create_database(connection, "plain_new")
            with pytest.raises(databases.DatabaseInUseError, match="plain_live"):
                databases.exchange(connection, new="plain_new", live="plain_live", old="plain_old")
            assert "plain_old" not in databases.list_databases(connection)
            assert greater.execute("SELECT 1").fetchone() == (1,)
