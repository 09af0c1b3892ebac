"""What a restore builds beside the live database: gone when its restore was killed, never before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.backup.conftest import beside, digests
from tests.integration.supervisor.installation import Installation, free_port

from opentranscribe.entrypoints.leftovers import sweep_leftovers
from opentranscribe.features.backup import asides
from opentranscribe.features.backup.errors import RestoreFailedError
from opentranscribe.features.upgrade.journal import JOURNAL, Journal
from opentranscribe.settings import Settings
from opentranscribe.work import databases


@pytest.fixture
def installation(seeded_url: str, tmp_path: Path) -> Iterator[Installation]:
    lines = {
        "FRONTEND_PORT": free_port(),
        "BACKEND_PORT": free_port(),
        "OPENTR_OFFLINE": "true",
        "DATABASE_URL": seeded_url,
    }
    home = tmp_path / "home"
    home.mkdir()
    (home / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    made = Installation(home)
    yield made
    made.run("stop")


@contextmanager
def halted(installation: Installation, url: str, words: Sequence[str]) -> Iterator[str]:
    """A real restore that is stopped in the middle of its building; which database that is. It is
    killed in the end."""
    command = [sys.executable, "-m", "opentranscribe.entrypoints.cli.main", *words]
    process = subprocess.Popen(
        command, env=installation.environment(), stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        until = time.monotonic() + 60
        while not beside(url) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        assert process.poll() is None, f"it ended by itself with {process.returncode}"
        os.killpg(process.pid, signal.SIGSTOP)
        (database,) = beside(url)
        yield database
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def back_up(installation: Installation, *words: str) -> Path:
    (installation.home / "backups").mkdir()
    done = installation.run("backup", *words)
    assert done.returncode == 0, done.stderr
    (path,) = installation.home.glob("backups/opentranscribe_backup_*")
    return path


class TestRestoreKilledWhileBuilding:
    def test_leaves_nothing_after_the_next_start_and_is_left_alone_while_it_lives(
        self, seeded_url: str, installation: Installation
    ) -> None:
        path, url = back_up(installation, "--full"), seeded_url
        before = digests(url)
        with halted(installation, url, ("restore", str(path), "--yes")) as database:
            assert "_restored_" in database
            assert asides.sweep(url) == []
            assert beside(url) == [database]
        assert beside(url) == [database]
        started = installation.run("start")
        assert started.returncode == 0, started.stderr
        assert beside(url) == []
        assert f"Removed {database}" in (installation.home / "data/logs/migrate.log").read_text()
        assert digests(url)["public.transcript_segment"] == before["public.transcript_segment"]

    def test_rows_that_were_to_be_read_go_with_the_next_restore(
        self, seeded_url: str, installation: Installation
    ) -> None:
        path, url = back_up(installation, "--plain"), seeded_url
        with halted(installation, url, ("restore", str(path), "--list-files")) as database:
            assert "_rows_" in database
            assert asides.sweep(url) == []
        assert beside(url) == [database]
        done = installation.run("restore", str(path), "--list-files")
        assert done.returncode == 0, done.stderr
        assert f"Removed {database}" in done.stdout
        assert beside(url) == []


class TestSweep:
    @pytest.fixture
    def make(self, seeded_url: str) -> Iterator[Callable[[str], str]]:
        def make(suffix: str) -> str:
            database = f"{databases.name_of(seeded_url)}_{suffix}"
            with databases.administer(seeded_url) as connection:
                databases.create_database(connection, database)
            return database

        yield make
        for name in beside(seeded_url):
            with databases.administer(seeded_url) as connection:
                databases.drop_database(connection, name)

    def test_takes_what_nobody_builds_and_leaves_all_else(
        self, seeded_url: str, make: Callable[[str], str]
    ) -> None:
        gone = [make("restored_20260102_030405"), make("rows_0123abcd")]
        other = [
            "before_20260102_030405",
            "drill",
            "restored_x",
            "rows_0123abcd_2",
            "b_rows_0123abcd",
        ]
        left = sorted(make(suffix) for suffix in other)
        assert asides.sweep(seeded_url) == gone
        assert beside(seeded_url) == left

    def test_leaves_what_a_journal_that_has_not_ended_names(
        self, seeded_url: str, make: Callable[[str], str], tmp_path: Path
    ) -> None:
        settings = Settings.load(tmp_path, database_url=seeded_url, offline=True)
        database = make("restored_20260102_030405")
        folder = settings.update_dir / "20260102_030405"
        folder.mkdir(parents=True)
        journal = Journal(folder / JOURNAL)
        journal.write("begin", kind="restore", kept_database=database)
        told: list[object] = []
        sweep_leftovers(settings, seeded_url, told.append)
        assert (beside(seeded_url), told) == ([database], [])
        journal.write("end", result="put_back")
        sweep_leftovers(settings, seeded_url, told.append)
        assert (beside(seeded_url), len(told)) == ([], 1)

    def test_a_name_is_built_by_one_and_gone_when_that_fails(
        self, seeded_url: str, make: Callable[[str], str]
    ) -> None:
        def build() -> None:
            with asides.building(seeded_url, name):
                make("rows_0123abcd")
                with (
                    pytest.raises(RestoreFailedError, match="Another restore"),
                    asides.building(seeded_url, name),
                ):
                    pass
                assert asides.sweep(seeded_url) == []
                raise KeyError(name)

        name = f"{databases.name_of(seeded_url)}_rows_0123abcd"
        with pytest.raises(KeyError):
            build()
        assert beside(seeded_url) == []
