"""Making, checking and listing backups; what the command line, the page and updates call."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from opentranscribe.features.backup import queries, rules
from opentranscribe.features.backup.building import Builder, require_suitable
from opentranscribe.features.backup.catalogue import BackupSet, Catalogue
from opentranscribe.features.backup.database_copy import Before
from opentranscribe.features.backup.disk import disk_told
from opentranscribe.features.backup.drill import carry_out
from opentranscribe.features.backup.errors import (
    BackupDamagedError,
    BackupFailedError,
    BackupNeededError,
    BackupNotFoundError,
    RestoreFailedError,
)
from opentranscribe.features.backup.full import FullBackup, open_before
from opentranscribe.features.backup.keys import KeyRing
from opentranscribe.features.backup.manifest import read_manifest
from opentranscribe.features.backup.outer import OuterFiles
from opentranscribe.features.backup.places import Places
from opentranscribe.features.backup.plain import PlainFacts, check_plain, write_plain
from opentranscribe.features.backup.programs import Programs
from opentranscribe.features.backup.pruning import list_removable, prune, remove_backup
from opentranscribe.features.backup.verification import OpenSet, verify_full
from opentranscribe.kit import clock
from opentranscribe.kit.durable import sync_folder
from opentranscribe.kit.errors import AppError
from opentranscribe.ports.objects import Objects
from opentranscribe.work.databases import Connection, connect, with_name

DRAFT = ".part"

Tell = Callable[[str], None]


@dataclass(frozen=True)
class BackupService:
    places: Places
    url: str
    objects: Objects
    tell: Tell = lambda line: None

    @property
    def keys(self) -> KeyRing:
        return KeyRing(self.places.secrets_dir)

    @property
    def outer(self) -> OuterFiles:
        return OuterFiles(self.places)

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.places.backups_dir)

    def create_plain(self) -> BackupSet:
        """The guide's file, checked. Raises BackupFailedError, BackupRunningError."""
        with self.catalogue.alone():
            self.remove_drafts()
            return self._create_plain(self._free_name())

    def create_full(self, *, is_encrypted: bool = False, patience: float = 0.0) -> BackupSet:
        """A folder with everything, built on the one before, checked. Another backup at work is
        waited for so many seconds.

        Raises BackupFailedError, BackupRunningError, BackupDamagedError.
        """
        with self.catalogue.alone(patience):
            self.remove_drafts()
            return self._create_full(self._free_name(), is_encrypted=is_encrypted)

    def create(self, *, is_encrypted: bool = False) -> tuple[BackupSet, BackupSet | None]:
        """The full one, and the plain file of the same name unless it must not be readable."""
        with self.catalogue.alone():
            self.remove_drafts()
            name = self._free_name()
            full = self._create_full(name, is_encrypted=is_encrypted)
            return full, None if is_encrypted else self._create_plain(name)

    def open(self, path: Path, recovery_key: str | None = None) -> OpenSet:
        """A full backup with its keys. Raises BackupDamagedError, BackupUnsuitableError,
        WrongRecoveryKeyError."""
        manifest = read_manifest(path)
        return OpenSet(path, manifest, self.keys.unwrap(manifest.wrapped, recovery_key))

    def verify(self, path: Path, recovery_key: str | None = None) -> BackupSet:
        """Read it again and write down what was found. Raises BackupDamagedError."""
        backup = self.catalogue.get(path)
        try:
            if backup.is_full:
                verify_full(self.open(path, recovery_key))
            else:
                check_plain(path)
        except BackupDamagedError as error:
            self.catalogue.note(path.name, state="damaged", failure=error.message)
            raise
        state = backup.record.state
        self.catalogue.note(
            path.name,
            state="drilled" if state == "drilled" else "checked",
            checked_at=clock.now().isoformat(),
            failure=None,
        )
        return self.catalogue.get(path)

    def require_restorable(self, path: Path, recovery_key: str | None = None) -> None:
        """Before anything is done: a folder that we have the key of and that suits this release.

        Raises BackupDamagedError, BackupUnsuitableError, WrongRecoveryKeyError.
        """
        if path.is_dir():
            require_suitable(self.open(path, recovery_key).manifest, self.url)

    def is_empty(self) -> bool:
        """Whether there is a database, but nothing in it yet."""
        with connect(self.url) as connection:
            return not queries.list_tables(connection, queries.list_schemas(connection))

    def reconcile(self, database: str) -> None:
        """Of a database brought back: what was under way is taken up or ended, nobody is signed
        in."""
        with connect(with_name(self.url, database)) as connection:
            queries.reconcile(connection)

    def restore_outer(self, path: Path, database: str, recovery_key: str | None) -> list[str]:
        """The backup's secrets and settings, in place of what is there; see `OuterFiles`. They go
        with that database. Raises BackupDamagedError."""
        return self.outer.put(self.open(path, recovery_key).secrets(), database, self.tell)

    def restore_into(self, path: Path, database: str, recovery_key: str | None = None) -> None:
        """The backup's database as a new one of that name on the same server, proven.

        Raises BackupDamagedError, BackupUnsuitableError, RestoreFailedError,
        WrongRecoveryKeyError; then there is no such database.
        """
        builder = Builder(self.places.bin_dir, self.url, self.places.scratch_dir)
        if path.is_dir():
            builder.build_full(self.open(path, recovery_key), database)
        else:
            builder.build_file(path, database)

    def restore_media(self, path: Path, recovery_key: str | None = None) -> int:
        """Put into the store what it lacks of the backup's recordings; how many. What is there
        stays: objects are never written in place."""
        if not path.is_dir():
            return 0
        opened = self.open(path, recovery_key)
        there = {info.key for info in self.objects.list()}
        lacking = [one for one in opened.manifest.media if one.object not in there]
        self.places.scratch_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        for entry in lacking:
            draft = self.places.scratch_dir / f"restore-{entry.stored}"
            try:
                safe = "What you have was not touched."
                with disk_told(draft.parent, RestoreFailedError, safe), draft.open("wb") as handle:
                    handle.writelines(opened.iter_media(entry))
                self.objects.put_file(entry.object, draft)
            finally:
                draft.unlink(missing_ok=True)
        return len(lacking)

    def drill(self, look_at: Callable[[Path], object] = lambda path: None) -> BackupSet:
        """Restore the newest good backup aside, ask it questions, look at some recordings.

        The result is written down either way. Raises BackupNotFoundError, RestoreFailedError,
        BackupRunningError.
        """
        with self.catalogue.alone():
            return self._drill(look_at)

    def _drill(self, look_at: Callable[[Path], object]) -> BackupSet:
        good = [one for one in self.catalogue.list() if one.is_good]
        if not good:
            raise BackupNotFoundError("There is no backup to rehearse. Make one first.")
        newest = next((one for one in good if one.is_full), good[0])
        opened = self.open(newest.path) if newest.is_full else None
        try:
            result = carry_out(
                lambda database: self.restore_into(newest.path, database),
                self.url,
                opened,
                self.places.scratch_dir,
                look_at,
            )
        except AppError as error:
            tried = clock.now().isoformat()
            self.catalogue.note(newest.name, drill_tried_at=tried, drill_failure=error.message)
            raise
        done = clock.now().isoformat()
        self.catalogue.note(
            newest.name,
            state="drilled",
            drilled_at=done,
            drill_tried_at=done,
            drill_failure=None,
            rto_seconds=result.ready_seconds,
            failure=None,
        )
        return self.catalogue.get(newest.path)

    def prune(self, kept: rules.Kept, held: Collection[Path] = ()) -> list[str]:
        """Remove the backups that retention does not keep, and as many more as the next one needs
        room; their names. Raises BackupRunningError."""
        with self.catalogue.alone():
            self.remove_drafts()
            return prune(self.catalogue, DRAFT, kept, held, self._has_room)

    def remove(self, name: str, held: Collection[Path] = ()) -> None:
        """Raises BackupNeededError, BackupNotFoundError, BackupRunningError."""
        with self.catalogue.alone():
            one = self.catalogue.get(self.places.backups_dir / name)
            if one.name not in list_removable(self.catalogue, held):
                raise BackupNeededError(f"{name} is still needed. It was not removed.")
            remove_backup(one.path, DRAFT)

    def _has_room(self) -> bool:
        """For another one that shares nothing with those before."""
        largest = max((one.size_bytes for one in self.catalogue.list()[:4]), default=0)
        return shutil.disk_usage(self.places.backups_dir).free > largest

    def remove_drafts(self) -> None:
        """What a killed backup left behind; nobody else is at work."""
        for path in self.places.backups_dir.glob(f".*{DRAFT}"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def _create_full(self, name: str, *, is_encrypted: bool) -> BackupSet:
        started = time.monotonic()
        target = self.places.backups_dir / name
        draft = target.with_name(f".{name}{DRAFT}")
        before = self._before(is_encrypted=is_encrypted)
        with _whole_or_not_at_all(draft, target):
            run = FullBackup(
                *(self.places, self.url, self.objects, draft, name, is_encrypted, self.tell, before)
            )
            manifest = run.make()
            verify_full(
                OpenSet(draft, read_manifest(draft, name=name), run.key),
                trusted_packs={pack.sha256 for pack in before.manifest.packs} if before else None,
                trusted_media={one.stored for one in before.manifest.media} if before else None,
            )
            draft.rename(target)
            sync_folder(target.parent)
        self.catalogue.note(
            name,
            state="checked",
            checked_at=clock.now().isoformat(),
            seconds=time.monotonic() - started,
            new_bytes=run.new_bytes,
            kind="encrypted" if manifest.is_encrypted else "full",
        )
        return self.catalogue.get(target)

    def _before(self, *, is_encrypted: bool) -> Before | None:
        for one in self.catalogue.list():
            if one.is_full and one.is_good:
                found = open_before(one.path, self.keys, is_encrypted=is_encrypted)
                if found is not None:
                    return found
        return None

    def _create_plain(self, name: str) -> BackupSet:
        started = time.monotonic()
        target = self.places.backups_dir / f"{name}.sql"
        draft = target.with_name(f".{target.name}{DRAFT}")
        with _whole_or_not_at_all(draft, target):
            with connect(self.url) as connection, queries.open_snapshot(connection) as snapshot:
                facts = self._read_facts(connection)
                write_plain(
                    connection, Programs(self.places.bin_dir, self.url), snapshot, draft, facts
                )
            check_plain(draft)
            draft.rename(target)
            sync_folder(target.parent)
        self.catalogue.note(
            target.name,
            state="checked",
            checked_at=clock.now().isoformat(),
            seconds=time.monotonic() - started,
            new_bytes=target.stat().st_size,
            kind="plain",
        )
        return self.catalogue.get(target)

    def _read_facts(self, connection: Connection) -> PlainFacts:
        tables = queries.list_tables(connection, queries.list_schemas(connection))
        rows = {
            table.sql.as_string(connection): queries.count_rows(connection, table)
            for table in tables
        }
        revision = queries.read_revision(connection)
        return PlainFacts(self.places.version, revision, queries.server_major(connection), rows)

    def _free_name(self) -> str:
        moment = clock.now()
        while True:
            name = rules.name_at(moment)
            if not any((self.places.backups_dir / f"{name}{end}").exists() for end in ("", ".sql")):
                return name
            moment += timedelta(seconds=1)


@contextmanager
def _whole_or_not_at_all(draft: Path, target: Path) -> Iterator[None]:
    """Removes the draft, also under its final name, when anything goes wrong. Raises BackupFailedError for a disk that is full
    or broken."""
    safe = "No backup was made, and nothing else was changed."
    try:
        with disk_told(draft.parent, BackupFailedError, safe):
            yield
    except BaseException:
        for path in (draft, target):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        raise
