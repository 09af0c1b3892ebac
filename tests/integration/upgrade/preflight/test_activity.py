"""What goes on in a real database while the preflight looks."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from tests.integration.upgrade.preflight.acts import (
    connect,
    execute,
    free_ports,
    names,
    obey,
    quick,
    the_one,
)

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


class TestARunningInstallation:
    @pytest.fixture
    def running(self, installation: Context) -> Iterator[Context]:
        ports = (installation.frontend_port, installation.backend_port)
        with ExitStack() as stack:
            for port in ports:
                stack.enter_context(socket.create_server((installation.bind_host, port)))
            beat(installation.database_url, "worker-speech", installation.current_version)
            yield replace(installation, is_running=True)

    def test_is_sound(self, running: Context) -> None:
        assert names(quick(running)) == set()

    def test_has_a_worker_that_fell_silent_with_its_job(self, running: Context) -> None:
        execute(
            running.database_url,
            "UPDATE process_heartbeat SET beat_at = now() - interval '5 min'",
            """INSERT INTO job (kind, queue, status, lease_until)
               VALUES ('transcribe', 'speech', 'running', now() - interval '5 min')""",
        )
        assert names(quick(running)) == {"workers", "silent-jobs", "running-jobs"}

    def test_has_a_worker_of_another_release(self, running: Context) -> None:
        beat(running.database_url, "worker-utility", "0.0.1")
        assert "0.0.1" in the_one(running, "worker-versions").cause

    def test_does_not_listen(self, running: Context) -> None:
        (port,) = free_ports(1)
        assert str(port) in the_one(replace(running, backend_port=port), "ports-served").cause


def beat(url: str, name: str, version: str) -> None:
    with connect(url) as connection:
        connection.execute(
            "INSERT INTO process_heartbeat (name, kind, version) VALUES (%s, 'worker', %s)",
            (name, version),
        )


class TestTheServersConfiguration:
    @pytest.mark.parametrize(
        ("name", "setting"), [("autovacuum", "autovacuum"), ("database-durability", "fsync")]
    )
    def test_is_found_and_mended_when_it_is_dangerous(
        self, installation: Context, name: str, setting: str
    ) -> None:
        url = installation.database_url
        try:
            execute(url, f"ALTER SYSTEM SET {setting} = off", "SELECT pg_reload_conf()")
            time.sleep(0.3)
            obey(installation, the_one(installation, name))
            time.sleep(0.3)
            assert names(quick(installation)) == set()
        finally:
            execute(url, f"ALTER SYSTEM RESET {setting}", "SELECT pg_reload_conf()")
