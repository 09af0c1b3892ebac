"""The embedded server against what machines do to it: kills, leftovers, deep folders, strangers."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

import opentranscribe
from opentranscribe.entrypoints.supervisor import ordinary_user
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres, PostgresError
from opentranscribe.settings import Settings

PASSWORD = "a-password-of-this-test"
PARENT = """
import sys, time
from pathlib import Path
from opentranscribe.entrypoints.supervisor import ordinary_user
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
server.start()
print(server.process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "postgres", tmp_path / "run", PASSWORD)
    yield server
    server.stop()
    server.stop_stray()


def connect(server: EmbeddedPostgres, database: str = "opentranscribe") -> psycopg.Connection:
    url = server.url(database).replace("postgresql+psycopg", "postgresql")
    return psycopg.connect(url, autocommit=True)


def value(server: EmbeddedPostgres, question: str) -> object:
    with connect(server) as connection:
        row = connection.execute(question).fetchone()  # type: ignore[call-overload]
    return row[0] if row else None


def eventually(claim: Callable[[], bool], seconds: float = 15.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if claim():
            return True
        time.sleep(0.05)
    return False


class TestAFreshServer:
    def test_listens_on_a_private_socket_and_never_on_tcp(self, server: EmbeddedPostgres) -> None:
        server.start()
        assert server.process is not None
        children = psutil.Process(server.process.pid).children(recursive=True)
        pids = {server.process.pid, *(child.pid for child in children)}
        listening = [
            connection
            for connection in psutil.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN and connection.pid in pids
        ]
        assert listening == []
        assert value(server, "SHOW listen_addresses") == ""
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700

    def test_refuses_a_wrong_password(self, server: EmbeddedPostgres) -> None:
        server.start()
        stranger = EmbeddedPostgres(server.data_dir, server.socket_dir, "another")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(stranger)

    def test_sorts_the_same_on_every_machine(self, server: EmbeddedPostgres) -> None:
        server.start()
        provider = (
            "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database "
            "WHERE datname = current_database()"
        )
        assert value(server, provider) == "b C.UTF-8"
        assert value(server, "SHOW server_encoding") == "UTF8"

    def test_is_made_whole_after_an_interrupted_attempt(self, server: EmbeddedPostgres) -> None:
        half = server.data_dir.with_name("postgres.new")
        half.mkdir()
        (half / "PG_VERSION").write_text("18")
        server.start()
        assert value(server, "SELECT 1") == 1

    def test_comes_up_in_a_folder_too_deep_for_a_socket_name(self, tmp_path: Path) -> None:
        deep = tmp_path / "a rather long folder name/" / ("x" * 100)
        settings = Settings.load(deep)
        server = EmbeddedPostgres(settings.postgres_dir, settings.postgres_socket_dir, PASSWORD)
        try:
            server.start()
            assert value(server, "SELECT 1") == 1
        finally:
            server.stop()


class TestAServerThatDied:
    def test_is_started_again_with_everything_committed(self, server: EmbeddedPostgres) -> None:
        server.start()
        with connect(server) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept VALUES (7)")
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        server.start()
        assert value(server, "SELECT n FROM kept") == 7

    def test_with_a_leftover_pid_of_a_stranger_is_started(self, server: EmbeddedPostgres) -> None:
        server.start()
        server.stop()
        stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        try:
            lines = f"{stranger.pid}\n{server.data_dir}\n"
            (server.data_dir / "postmaster.pid").write_text(lines)
            server.start()
            assert value(server, "SELECT 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()


class TestAServerWhoseParentIsGone:
    def test_ends_by_itself(self, server: EmbeddedPostgres) -> None:
        server.make()
        arguments = [str(server.data_dir), str(server.socket_dir), PASSWORD]
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, *arguments],
            env={**os.environ, "PYTHONPATH": str(Path(opentranscribe.__file__).parents[1])},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        with connect(server) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            parent.kill()
            parent.wait()
            parent.stdout.close()
            assert eventually(lambda: not psutil.pid_exists(pid))
        server.start()
        assert value(server, "SELECT count(*) FROM kept") == 0

    def test_is_stopped_by_the_next_start_where_it_did_not(self, server: EmbeddedPostgres) -> None:
        server.start()
        first, server.process = server.process, None
        assert first is not None
        server.start()
        assert first.wait(5) == 0
        assert value(server, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
class TestRootWithoutUserNamespaces:
    def test_runs_it_as_the_owner_of_its_folder(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ordinary_user, "namespaces_work", lambda: False)
        with tempfile.TemporaryDirectory() as reachable:
            Path(reachable).chmod(0o755)
            data = Path(reachable) / "data"
            server = EmbeddedPostgres(data / "postgres", data / "run", PASSWORD)
            try:
                server.start()
                assert server.process is not None
                assert psutil.Process(server.process.pid).uids().real == ordinary_user.NOBODY
                assert value(server, "SELECT 1") == 1
            finally:
                server.stop()

    def test_says_what_to_do_where_no_account_reaches_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ordinary_user, "namespaces_work", lambda: False)
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        server = EmbeddedPostgres(closed / "data" / "postgres", closed / "run", PASSWORD)
        with pytest.raises(ordinary_user.NoOrdinaryUserError, match="ordinary user"):
            server.start()


class TestAServerThatCannotStart:
    def test_says_so_and_names_the_log(self, server: EmbeddedPostgres, tmp_path: Path) -> None:
        server.make()
        with (server.data_dir / "postgresql.auto.conf").open("a") as config:
            config.write("shared_buffers = 'nonsense'\n")
        (server.data_dir / "global" / "pg_control").unlink()
        log = tmp_path / "postgres.log"
        with pytest.raises(PostgresError, match=str(log)):
            server.start(log)
