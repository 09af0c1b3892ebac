"""Making, checking and listing backups; what the command line, the page and updates call."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from opentranscribe.features.backup import queries, rules
from opentranscribe.features.backup.catalogue import BackupSet, Catalogue
from opentranscribe.features.backup.databases import Connection, connect
from opentranscribe.features.backup.errors import BackupDamagedError, BackupFailedError
from opentranscribe.features.backup.places import Places
from opentranscribe.features.backup.plain import PlainFacts, check_plain, write_plain
from opentranscribe.features.backup.programs import Programs
from opentranscribe.kit import clock
from opentranscribe.kit.durable import sync_folder

DRAFT = ".part"
FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

Tell = Callable[[str], None]


@dataclass(frozen=True)
class BackupService:
    places: Places
    url: str
    tell: Tell = lambda line: None

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.places.backups_dir)

    def create_plain(self) -> BackupSet:
        """The guide's file, checked. Raises BackupFailedError, BackupRunningError."""
        with self.catalogue.alone():
            self.remove_drafts()
            return self._create_plain(self._free_name())

    def verify(self, path: Path) -> BackupSet:
        """Read it again and write down what was found. Raises BackupDamagedError."""
        backup = self.catalogue.get(path)
        try:
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

    def remove_drafts(self) -> None:
        """What a killed backup left behind; nobody else is at work."""
        for path in self.places.backups_dir.glob(f".*{DRAFT}"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def _create_plain(self, name: str) -> BackupSet:
        started = time.monotonic()
        target = self.places.backups_dir / f"{name}.sql"
        draft = target.with_name(f".{target.name}{DRAFT}")
        with _whole_or_not_at_all(draft):
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
def _whole_or_not_at_all(draft: Path) -> Iterator[None]:
    """Removes the draft when anything goes wrong. Raises BackupFailedError for a full disk."""
    try:
        yield
    except BaseException as error:
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL_DISK:
            raise BackupFailedError(
                f"The disk of {draft.parent} is full. No backup was made, and nothing else was"
                " changed. Free some space or give another folder with --to."
            ) from error
        raise
