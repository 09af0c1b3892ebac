"""A whole installation under fire: killed processes, second starts, taken ports."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.integration.supervisor.installation import Installation, eventually, free_port

SERVICES = ("api", "worker-speech", "worker-utility", "scheduler", "postgres")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("installation")
    ports = f"FRONTEND_PORT={free_port()}\nBACKEND_PORT={free_port()}\n"
    (home / ".env").write_text(ports + "OPENTR_OFFLINE=true\n")
    installation = Installation(home)
    yield installation
    installation.run("stop")
    for process in installation.processes():
        process.kill()


@pytest.fixture
def running(installation: Installation) -> Installation:
    if installation.status()["phase"] != "running":
        started = installation.run("start")
        assert started.returncode == 0, started.stderr + started.stdout
    return installation


class TestStart:
    def test_prints_the_page_and_the_link_for_the_first_administrator(
        self, installation: Installation
    ) -> None:
        started = installation.run("start")
        assert started.returncode == 0, started.stderr
        token = (installation.home / "data" / "secrets" / "setup-token").read_text().strip()
        page = f"http://localhost:{installation.status()['frontend_port']}"
        assert f"{page}/setup#token={token}" in started.stdout
        assert eventually(installation.is_healthy), installation.health()

    def test_a_second_one_says_that_it_runs_and_changes_nothing(
        self, running: Installation
    ) -> None:
        before = running.pids()
        second = running.run("start")
        assert second.returncode == 0
        assert "already running" in second.stdout
        assert running.pids() == before

    def test_a_second_supervisor_on_the_folder_is_refused(self, running: Installation) -> None:
        second = subprocess.run(
            [sys.executable, "-m", "opentranscribe.entrypoints.supervisor.supervise"],
            env=running.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert second.returncode == 3
        assert "already running" in second.stderr

    def test_secrets_and_sockets_are_for_the_owner_only(self, running: Installation) -> None:
        data = running.home / "data"
        for folder in (data, data / "secrets", data / "run", data / "run" / "postgres"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
        for secret in (data / "secrets").iterdir():
            assert stat.S_IMODE(secret.stat().st_mode) == 0o600, secret

    def test_only_the_two_ports_listen_and_only_on_this_machine(
        self, running: Installation
    ) -> None:
        pids = {process.pid for process in running.processes()}
        listening = {
            (connection.laddr.ip, connection.laddr.port)
            for connection in psutil.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN and connection.pid in pids
        }
        status = running.status()
        ports = (status["frontend_port"], status["backend_port"])
        assert listening == {("127.0.0.1", port) for port in ports}

    def test_takes_other_ports_and_says_so_when_its_own_are_taken(
        self, running: Installation, tmp_path: Path
    ) -> None:
        taken = running.status()
        other = Installation(tmp_path / "other")
        other.home.mkdir()
        ports = f"FRONTEND_PORT={taken['frontend_port']}\nBACKEND_PORT={taken['backend_port']}\n"
        (other.home / ".env").write_text(ports)
        try:
            started = other.run("start")
            assert started.returncode == 0, started.stderr
            assert f"Port {taken['frontend_port']} is taken" in started.stdout
            assert f"Port {taken['backend_port']} is taken" in started.stdout
            assert other.health()
        finally:
            assert other.run("stop").returncode == 0
        assert eventually(lambda: other.processes() == [], seconds=10)


class TestAKilledService:
    @pytest.mark.parametrize("service", SERVICES)
    def test_is_back_and_everything_is_healthy(self, running: Installation, service: str) -> None:
        old = running.pids()[service]
        os.kill(old, signal.SIGKILL)
        assert eventually(lambda: running.pids()[service] not in {old, None})

        def healthy() -> bool:
            states = {one["state"] for one in running.status()["services"]}
            return states == {"running"} and running.is_healthy()

        assert eventually(healthy), running.status()


class TestRestart:
    def test_of_one_service_leaves_the_others_alone(self, running: Installation) -> None:
        before = running.pids()
        assert running.run("restart", "scheduler").returncode == 0
        assert eventually(lambda: running.pids()["scheduler"] not in {before["scheduler"], None})
        after = running.pids()
        assert {name for name in SERVICES if before[name] != after[name]} == {"scheduler"}

    def test_of_an_unknown_service_names_the_known_ones(self, running: Installation) -> None:
        answer = running.run("restart", "nonsense")
        assert answer.returncode == 2
        assert "scheduler" in answer.stderr


class TestLogs:
    def test_of_one_service_are_its_last_lines(self, running: Installation) -> None:
        lines = running.run("logs", "postgres", "-n", "5").stdout.splitlines()
        assert 0 < len(lines) <= 5
        assert any("LOG:" in line for line in lines)


class TestDoctor:
    def test_finds_a_healthy_installation_well(self, running: Installation) -> None:
        examined = running.run("doctor")
        assert examined.returncode == 0, examined.stdout
        assert "Database" in examined.stdout


class TestAKilledSupervisor:
    def test_leaves_no_orphan_and_the_next_start_is_whole(self, running: Installation) -> None:
        supervisor = running.status()["pid"]
        assert len(running.processes()) > len(SERVICES)
        os.kill(supervisor, signal.SIGKILL)
        assert eventually(lambda: running.processes() == []), running.processes()
        assert running.run("start").returncode == 0
        assert eventually(running.is_healthy), running.health()


class TestStop:
    def test_ends_every_process_and_says_so_afterwards(self, running: Installation) -> None:
        assert running.run("stop").returncode == 0
        assert running.processes() == []
        again = running.run("stop")
        assert again.returncode == 0
        assert "not running" in again.stdout
        status = running.run("status")
        assert status.returncode == 3
        assert "./opentr.sh start" in status.stdout


class TestAnInstallationThatCannotStart:
    def test_says_why_and_leaves_nothing_running(self, tmp_path: Path) -> None:
        broken = Installation(tmp_path)
        ports = f"FRONTEND_PORT={free_port()}\nBACKEND_PORT={free_port()}\n"
        (tmp_path / ".env").write_text(ports + "OPENTR_SEARCH_ENGINE=nonsense\n")
        started = broken.run("start")
        assert started.returncode == 6
        assert "The service api does not start" in started.stderr
        assert "nonsense" in started.stderr
        assert broken.processes() == []
