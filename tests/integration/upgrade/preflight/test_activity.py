"""What goes on in a real database while the preflight looks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.integration.upgrade.preflight.acts import connect, execute, names, obey, quick, the_one

from opentranscribe.features.upgrade.preflight.context import Context
from opentranscribe.features.upgrade.preflight.queries import activity
from opentranscribe.features.upgrade.preflight.rules import activity as activity_rules


class TestWhatGoesOnInTheDatabase:
    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is long after a minute is long after no time at all here."""
        monkeypatch.setattr(activity_rules, "LONG_SECONDS", 0.3)
        monkeypatch.setattr(activity_rules, "IDLE_SECONDS", 0.3)
        monkeypatch.setattr(activity, "SHORTEST_TRANSACTION_SECONDS", 0.1)
        monkeypatch.setattr(activity, "SHORTEST_WAIT_SECONDS", 0.2)

    def test_an_idle_transaction_is_found_and_ended(self, installation: Context) -> None:
        with connect(installation.database_url, autocommit=False) as idle:
            idle.execute("SELECT 1")
            time.sleep(0.4)
            finding = the_one(installation, "idle-transactions")
            obey(installation, finding)
            assert names(quick(installation)) == set()
            idle.close()

    def test_a_long_statement_is_found(self, installation: Context) -> None:
        with busy(installation.database_url, "SELECT pg_sleep(30)"):
            time.sleep(0.4)
            finding = the_one(installation, "long-transactions")
            obey(installation, finding)
            assert names(quick(installation)) == set()

    def test_a_prepared_transaction_is_found_and_undone(self, installation: Context) -> None:
        url = installation.database_url
        execute(url, "BEGIN", "CREATE TABLE t (a int)", "PREPARE TRANSACTION 'it''s mine'")
        finding = the_one(installation, "prepared-transactions")
        assert finding.severity == "blocker"
        obey(installation, finding)
        assert names(quick(installation)) == set()

    def test_waiting_for_a_lock_is_found(self, installation: Context) -> None:
        url = installation.database_url
        with connect(url, autocommit=False) as holder:
            holder.execute("LOCK TABLE media_file")
            with busy(url, "SELECT count(*) FROM media_file"):
                time.sleep(0.5)
                report = quick(installation)
                assert "waiting-locks" in names(report)
                (finding,) = (one for one in report.findings if one.name == "waiting-locks")
                assert str(holder.info.backend_pid) in finding.mend
                holder.rollback()

    def test_the_upgrade_lock_is_found_and_its_holder_named(self, installation: Context) -> None:
        named = {"application_name": "opentranscribe upgrade elsewhere"}
        with connect(installation.database_url, **named) as holder:
            holder.execute("SELECT pg_advisory_lock(42)")
            finding = the_one(installation, "upgrade-lock")
            assert finding.severity == "blocker"
            assert "opentranscribe upgrade elsewhere" in finding.cause

    def test_a_replication_slot_is_found_and_dropped(self, installation: Context) -> None:
        url = installation.database_url
        execute(url, "SELECT pg_create_logical_replication_slot('forgotten', 'pgoutput')")
        finding = the_one(installation, "replication-slots")
        obey(installation, finding)
        assert names(quick(installation)) == set()


@contextmanager
def busy(url: str, statement: str) -> Iterator[None]:
    """Another session runs the statement meanwhile; it is ended at the end."""
    with connect(url) as other:
        other.pgconn.send_query(statement.encode())
        yield
        other.cancel_safe(timeout=2)
        other.close()
