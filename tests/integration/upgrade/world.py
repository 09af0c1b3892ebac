"""An installation without processes: its releases are names, its database is a real one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from opentranscribe.features.upgrade.run import Installation
from opentranscribe.features.upgrade.service import Updater
from opentranscribe.kit.errors import AppError
from opentranscribe.ports.deployment import DeploymentError, Release
from opentranscribe.ports.progress import Progress
from opentranscribe.work import databases

OLD, NEW = Release("v1", "v1.0.0"), Release("v2", "v1.1.0")


class Killed(BaseException):
    pass


@dataclass
class World:
    """Implements ports.deployment.Deployment. ``broken`` is what does not work, by step."""

    url: str
    current_name: str = OLD.name
    running: str | None = OLD.name
    paused: bool = False
    maintenance: bool = False
    broken: dict[str, AppError] = field(default_factory=dict)
    probes: dict[str, str] = field(default_factory=lambda: {"all": "passed"})
    told: list[str] = field(default_factory=list)

    def current(self) -> Release:
        return self.find(self.current_name)

    def find(self, name: str) -> Release:
        return {one.name: one for one in (OLD, NEW)}[name]

    def fetch(self, source: str, version: str, progress: Progress) -> Release:
        return NEW

    def run(
        self,
        release: Release,
        words: Sequence[str],
        environment: Mapping[str, str],
        *,
        seconds: float | None = None,
    ) -> str:
        verb = words[0]
        if verb == "db":
            self._migrate(environment["DATABASE_URL"])
            return "migrated"
        self._require("prove")
        probes = [
            {"name": name, "state": state, "ok": state != "failed", "sentence": ""}
            for name, state in self.probes.items()
        ]
        return json.dumps({"probes": probes, "seconds": 0})

    def _migrate(self, url: str) -> None:
        with databases.connect(databases.with_name(url, databases.name_of(url))) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS brought_by_new (id int)")
            self._require("migrate")
            connection.execute("UPDATE kept_row SET version = 'new'")

    def is_running(self) -> bool:
        return self.running is not None

    def warm_up(self, release: Release) -> None:
        return

    def pause(self, *, reads_too: bool) -> None:
        self.paused = True
        self._require("stop" if reads_too else "pause")

    def stop(self) -> None:
        self.running = None

    def start(self, release: Release) -> None:
        if release == NEW:
            self._require("start")
        self.paused = False
        if self.state(databases.name_of(self.url)) != release.name:
            raise DeploymentError(f"{release.name} on another release's database")
        self.running = release.name

    def switch(self, release: Release) -> None:
        self.current_name = release.name
        if release == NEW:
            self._require("switch")

    def open_database(self) -> str:
        return self.url

    def close_database(self) -> None:
        return

    def show_maintenance(self) -> None:
        self.maintenance = True

    def hide_maintenance(self) -> None:
        self.maintenance = False

    def die(self) -> None:
        """What a process takes along when it is killed."""
        self.maintenance = False

    def state(self, database: str) -> str:
        """Which release the database belongs to, as its rows and its tables agree."""
        with databases.connect(databases.with_name(self.url, database)) as connection:
            (version,) = connection.execute("SELECT version FROM kept_row").fetchone() or ("",)
            found = connection.execute("SELECT to_regclass('brought_by_new')").fetchone()
        is_new = bool(found and found[0])
        assert is_new == (version == "new"), "half a migration"
        return NEW.name if is_new else OLD.name

    def can_be_written(self, database: str) -> bool:
        with databases.connect(databases.with_name(self.url, database)) as connection:
            found = connection.execute("SHOW transaction_read_only").fetchone()
        return found == ("off",)

    def databases(self) -> set[str]:
        live = databases.name_of(self.url)
        with databases.administer(self.url) as connection:
            found = databases.list_databases(connection)
        return {name for name in found if name.startswith(live)}

    def _require(self, step: str) -> None:
        if step in self.broken:
            raise self.broken[step]


@dataclass
class NoBackups:
    """The engine is under test, not what a backup has in it."""

    folder: Path

    def make(self) -> Path:
        return self.folder / "backup"

    def restore_into(self, backup: Path, database: str) -> None:
        raise NotImplementedError


def prepare(url: str) -> None:
    with psycopg.connect(databases.with_name(url, databases.name_of(url)), autocommit=True) as made:
        made.execute("CREATE TABLE kept_row (version text)")
        made.execute("INSERT INTO kept_row VALUES ('old')")
        made.execute('CREATE TABLE "user" (id int PRIMARY KEY, email text)')
        made.execute(
            "CREATE TABLE media_file (id int PRIMARY KEY, user_id int, uuid uuid, filename text,"
            " upload_time timestamptz)"
        )


def updater(world: World, home: Path) -> Updater:
    home.mkdir(exist_ok=True)
    installation = Installation(home, home / "update")
    return Updater(installation, world, NoBackups(home), world.told.append)
