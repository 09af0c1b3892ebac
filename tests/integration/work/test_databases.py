"""Databases are exchanged and dropped by an owner who is no superuser, whoever else is connected."""

from __future__ import annotations

import threading
import time
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


class TestSeal:
    def test_nobody_can_write_any_more_not_even_who_was_at_it(self, owner_url: str) -> None:
        with databases.administer(owner_url) as connection, databases.connect(owner_url) as late:
            late.execute("CREATE TABLE words (word text)")
            late.execute("BEGIN; INSERT INTO words VALUES ('unfinished')")
            databases.seal_database(connection, "plain_live")
            with pytest.raises(psycopg.OperationalError):
                late.execute("COMMIT")
        with databases.connect(owner_url) as after:
            assert after.execute("SELECT count(*) FROM words").fetchone() == (0,)
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                after.execute("INSERT INTO words VALUES ('late')")

    def test_a_copy_is_not_sealed_and_the_seal_can_be_broken(self, owner_url: str) -> None:
        with databases.administer(owner_url) as connection:
            databases.seal_database(connection, "plain_live")
            databases.copy_database(connection, "plain_live", "plain_new")
            with databases.connect(databases.with_name(owner_url, "plain_new")) as copy:
                copy.execute("CREATE TABLE words (word text)")
            databases.unseal_database(connection, "plain_live")
            with databases.connect(owner_url) as unsealed:
                unsealed.execute("CREATE TABLE words (word text)")
            databases.unseal_database(connection, "not_there")


class TestCopy:
    def test_is_not_held_up_by_programs_that_keep_coming_back(
        self, owner_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The server waits for a session that came in between, and gives up after a while."""
        monkeypatch.setattr(databases, "BUSY_SECONDS", 0.0)
        stop = threading.Event()

        def come_back() -> None:
            while not stop.is_set():
                try:
                    with databases.connect(owner_url) as connection:
                        connection.execute("SELECT pg_sleep(30)")
                except (psycopg.Error, databases.DatabaseAwayError):
                    time.sleep(0.001)

        visitors = [threading.Thread(target=come_back, daemon=True) for _ in range(4)]
        with databases.administer(owner_url) as connection:
            for visitor in visitors:
                visitor.start()
            databases.copy_database(connection, "plain_live", "plain_new")
            stop.set()
            databases.end_sessions(connection, "plain_live")
            for visitor in visitors:
                visitor.join()
            assert "plain_new" in databases.list_databases(connection)
