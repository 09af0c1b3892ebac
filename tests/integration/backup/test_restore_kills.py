"""A restore that is killed anywhere leaves what was there or what was restored, and can be undone.

The command itself runs in a child process, which sends itself SIGKILL before the n-th statement,
program, rename or forced write; ``OPENTR_RESTORE_KILLS`` says at how many of those.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.integration.backup.conftest import beside, digests

from opentranscribe.entrypoints.cli import restore as command
from opentranscribe.entrypoints.installation import recovery
from opentranscribe.entrypoints.leftovers import sweep_leftovers
from opentranscribe.features.backup.keys import KeyRing
from opentranscribe.features.backup.service import BackupService
from opentranscribe.ports.deployment import Release
from opentranscribe.ports.progress import Progress
from opentranscribe.settings import Settings
from opentranscribe.work import databases

KILLS = int(os.environ.get("OPENTR_RESTORE_KILLS", "10"))
#: Moments at the end of a restore: its files, the swap, the commit and what follows it.
LATE = 150
HERE, THERE = "FRONTEND_PORT=6000\n", "FRONTEND_PORT=5199\n"


class Resting:
    """Implements ports.deployment.Deployment for an installation whose programs do not run."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.sqlalchemy_url

    def current(self) -> Release:
        return Release("v1", "v1.0.0")

    def find(self, name: str) -> Release:
        return self.current()

    def fetch(self, source: str, version: str, progress: Progress) -> Release:
        return self.current()

    def run(
        self,
        release: Release,
        words: Sequence[str],
        environment: Mapping[str, str],
        *,
        seconds: float | None = None,
    ) -> str:
        return ""

    def is_running(self) -> bool:
        return False

    def open_database(self) -> str:
        return self._url

    def pause(self, *, reads_too: bool) -> None: ...
    def warm_up(self, release: Release) -> None: ...
    def stop(self) -> None: ...
    def start(self, release: Release) -> None: ...
    def switch(self, release: Release) -> None: ...
    def close_database(self) -> None: ...
    def show_maintenance(self) -> None: ...
    def hide_maintenance(self) -> None: ...


@pytest.fixture
def carried(service: BackupService, tmp_path: Path) -> tuple[Path, str]:
    """What another machine backed up, and its recovery key."""
    service.places.env_file.write_text(THERE)
    made = service.create_full()
    return made.path, service.keys.peek_recovery_key() or ""


@pytest.fixture
def settings(
    service: BackupService,
    carried: tuple[Path, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """An installation with the same database, which has changed since."""
    for module in (command, recovery):
        monkeypatch.setattr(module, "EmbeddedDeployment", Resting)
    monkeypatch.setattr(command, "_tell", lambda line: None)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".env").write_text(HERE)
    settings = Settings.load(home, database_url=service.url, offline=True)
    for folder in (settings.data_dir, settings.update_dir, settings.secrets_dir):
        folder.mkdir(mode=0o700)
    settings.backups_dir.mkdir()
    KeyRing(settings.secrets_dir).ensure()
    with databases.connect(service.url) as connection:
        connection.execute("DELETE FROM transcript_segment WHERE id % 3 = 0")
    return settings


def in_child(act: Callable[[], object]) -> int:
    """Its exit status as `os.waitpid` gives it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setsid()
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def strike_at(point: int, counted: Path | None = None) -> Callable[[], None]:
    """Patches this process, which must be a child, to die before that moment; what counts them."""
    seen = [0]

    def before(place: Any, name: str) -> None:
        original = getattr(place, name)

        def struck(*words: Any, **named: Any) -> Any:
            seen[0] += 1
            if seen[0] == point:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*words, **named)

        setattr(place, name, struck)

    before(psycopg.Connection, "execute")
    before(psycopg.Cursor, "copy")
    before(subprocess.Popen, "__init__")
    for name in ("rename", "replace", "fsync", "link", "unlink"):
        before(os, name)

    def count() -> None:
        if counted is not None:
            counted.write_text(str(seen[0]))

    return count


def clear_up(settings: Settings) -> None:
    for name in beside(settings.sqlalchemy_url):
        with databases.administer(settings.sqlalchemy_url) as connection:
            databases.drop_database(connection, name)
    for folder in (settings.update_dir, settings.backups_dir, settings.data_dir / "backup"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()


class TestKilledRestore:
    def test_leaves_old_or_new_and_can_be_undone(
        self, settings: Settings, carried: tuple[Path, str], tmp_path: Path, service: BackupService
    ) -> None:
        path, key = carried
        live, found = service.url, {"old": 0, "new": 0}
        old = digests(live)
        counted = tmp_path / "counted"

        def run(point: int) -> int:
            def act() -> None:
                count = strike_at(point, counted)
                command._restore(settings, path, key, yes=True)
                count()

            return in_child(act)

        def settle() -> str:
            recovery.recover(settings, lambda line: None)
            sweep_leftovers(settings, live, lambda line: None)
            assert not any("_restored_" in name for name in beside(live))
            env = (settings.home / ".env").read_text()
            if digests(live) == old:
                assert env == HERE
                return "old"
            assert digests(live) == new
            assert env == THERE
            command._undo(settings, yes=True)
            assert digests(live) == old
            assert (settings.home / ".env").read_text() == HERE
            return "new"

        assert run(0) == 0
        new = digests(live)
        assert new != old
        assert settle() == "new"
        clear_up(settings)
        total = int(counted.read_text())
        assert total > 200
        # Most of it is the safety copy and the building aside; half of the tries are for the end.
        chance = random.Random(KILLS)
        late = chance.sample(range(total - LATE, total), min(LATE, KILLS // 2))
        early = chance.sample(range(1, total - LATE), min(total - LATE - 1, KILLS - len(late)))
        # The last one is after the commit, whatever chance does.
        points = [*chance.sample([*early, *late], len(early) + len(late)), total - 3]
        for number, point in enumerate(points, 1):
            status = run(point)
            assert os.WIFSIGNALED(status) or point > total - 20, point
            found[settle()] += 1
            clear_up(settings)
            print(f"{number} of {total} moments: {found}", flush=True)
        assert found["old"]
        assert found["new"]
