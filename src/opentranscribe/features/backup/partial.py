"""Single recordings, or all of one person's, out of a backup and into the running product."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from sqlalchemy.orm import Session

from opentranscribe.features.backup import partial_queries
from opentranscribe.features.backup.asides import building
from opentranscribe.features.backup.errors import BackupDamagedError, NotInBackupError
from opentranscribe.features.backup.manifest import MediaEntry
from opentranscribe.features.backup.partial_rows import FILE, USER, Rows
from opentranscribe.features.backup.partial_sources import (
    PackSource,
    Source,
    open_database_source,
)
from opentranscribe.features.backup.queries import CANONICAL
from opentranscribe.features.backup.service import BackupService
from opentranscribe.features.backup.verification import OpenSet
from opentranscribe.ports.objects import ObjectNotFoundError, Objects
from opentranscribe.schema.migrations.fingerprint import fingerprint, read_catalogue
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.work import SYSTEM, WorkFactory, databases
from opentranscribe.work.events import TranscriptChanged


@dataclass(frozen=True)
class FileInBackup:
    uuid: str
    title: str
    owner: str
    uploaded: str
    is_here: bool


@dataclass(frozen=True)
class Restored:
    """``rows`` by table; ``files`` are public ids and titles; ``kept`` those that were here already
    and stayed as they are; ``left_out`` rows that tie the recording to what is gone; ``missing``
    stored files that the backup does not have."""

    rows: dict[str, int] = field(default_factory=dict)
    files: list[tuple[str, str]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    left_out: int = 0
    objects: int = 0
    missing: list[str] = field(default_factory=list)


@dataclass
class _Put:
    """What came into the store; taken out again when the rows do not."""

    objects: Objects
    keys: list[str] = field(default_factory=list)

    @contextmanager
    def or_nothing(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            for key in self.keys:
                self.objects.delete(key)
            raise


@dataclass(frozen=True)
class PartialRestore:
    """``opened`` has the recordings; None where there is only a file with rows."""

    service: BackupService
    work: WorkFactory
    source: Source
    opened: OpenSet | None

    def list_files(self) -> list[FileInBackup]:
        owners = {row["id"]: row["email"] for row in self._read(USER)}
        files = list(self._read(FILE))
        with databases.connect(self.service.url) as connection:
            uuids = (row["uuid"] for row in files)
            here = partial_queries.list_live_uuids(connection, FILE, uuids)
        return [
            FileInBackup(
                row["uuid"],
                row["filename"] if row["title"] in {"", "\\N"} else row["title"],
                owners.get(row["user_id"], "?"),
                row["upload_time"],
                row["uuid"] in here,
            )
            for row in files
        ]

    def restore_file(self, uuid: str, *, as_copy: bool = False) -> Restored:
        """One transaction, nothing that is here is changed. Raises NotInBackupError,
        BackupDamagedError."""
        found = list(self._read(FILE, {"uuid": {uuid.strip().lower().encode()}}))
        if not found:
            raise NotInBackupError(
                f"The backup has no recording {uuid}. Nothing was changed. See what it has with"
                " --list-files."
            )
        return self._restore(FILE, found, as_copy=as_copy)

    def restore_user(self, email: str, *, as_copy: bool = False) -> Restored:
        """Their recordings that are gone; the account with all of its own where that is gone too.

        As `restore_file`.
        """
        found = list(self._read(USER, {"email": {email.strip().lower().encode()}}))
        if not found:
            raise NotInBackupError(
                f"The backup has no account {email}. Nothing was changed. See whose recordings it"
                " has with --list-files."
            )
        user = found[0]
        files = list(self._read(FILE, {"user_id": {user["id"].encode()}}))
        with databases.connect(self.service.url) as connection:
            is_here = partial_queries.find_user(connection, user["uuid"], user["email"])
        if is_here is None:
            return self._carry_out(USER, {user["id"].encode()}, [], as_copy=False)
        return self._restore(FILE, files, as_copy=as_copy)

    def _restore(self, root: str, found: list[dict[str, str]], *, as_copy: bool) -> Restored:
        with databases.connect(self.service.url) as connection:
            uuids = (row["uuid"] for row in found)
            here = partial_queries.list_live_uuids(connection, root, uuids)
        wanted = {row["id"].encode() for row in found if (row["uuid"] in here) == as_copy}
        kept = [row["uuid"] for row in found if row["uuid"] in here and not as_copy]
        return (
            self._carry_out(root, wanted, kept, as_copy=as_copy) if wanted else Restored(kept=kept)
        )

    def _carry_out(self, root: str, ids: set[bytes], kept: list[str], *, as_copy: bool) -> Restored:
        put = _Put(self.service.objects)
        with put.or_nothing(), self.work(SYSTEM) as work:
            connection = _driver_of(work.session)
            rows = Rows(connection, self.source, as_copy=as_copy)
            rows.take(root, ids)
            rows.settle()
            missing = self._put_objects(connection, put, as_copy=as_copy)
            counts = rows.let_in()
            files = partial_queries.list_restored_files(connection) if FILE in counts else []
            for number, _, _ in files:
                work.emit(TranscriptChanged(number))
        named = [(uuid, title) for _, uuid, title in files]
        return Restored(counts, named, kept, rows.left_out, len(put.keys), missing)

    def _put_objects(
        self, connection: databases.Connection, put: _Put, *, as_copy: bool
    ) -> list[str]:
        """Before the rows that name them. Which ones are nowhere."""
        entries = {one.object: one for one in self.opened.manifest.media} if self.opened else {}
        missing = []
        for named in partial_queries.list_named_objects(connection):
            key = target = named.key
            if as_copy:
                target = named.key_of_copy()
                partial_queries.rename_object(connection, named, target)
            if self._has(target):
                continue
            if key in entries:
                self._put(target, self._blocks_of(entries[key]), entries[key].sha256)
            elif as_copy and self._has(key):
                self._put(target, self._live_blocks(key))
            else:
                missing.append(key)
                continue
            put.keys.append(target)
        return missing

    def _put(self, target: str, blocks: Iterable[bytes], sha256: str | None = None) -> None:
        folder = self.service.places.scratch_dir
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft, digest = folder / f"restore-{secrets.token_hex(8)}", hashlib.sha256()
        try:
            with draft.open("xb") as handle:
                for block in blocks:
                    digest.update(block)
                    handle.write(block)
            if sha256 not in {None, digest.hexdigest()}:
                raise BackupDamagedError(
                    f"The stored file {target} is damaged in the backup. Nothing was changed."
                )
            self.service.objects.put_file(target, draft)
        finally:
            draft.unlink(missing_ok=True)

    def _blocks_of(self, entry: MediaEntry) -> Iterator[bytes]:
        assert self.opened is not None
        try:
            yield from self.opened.iter_media(entry)
        except FileNotFoundError as error:
            raise BackupDamagedError(
                f"The stored file {entry.object} is missing in the backup. Nothing was changed."
            ) from error

    def _live_blocks(self, key: str) -> Iterator[bytes]:
        size = self.service.objects.stat(key).size_bytes
        return self.service.objects.open_range(key, 0, size)

    def _has(self, key: str) -> bool:
        try:
            self.service.objects.stat(key)
        except ObjectNotFoundError:
            return False
        return True

    def _read(
        self, table: str, wanted: dict[str, set[bytes]] | None = None
    ) -> Iterator[dict[str, str]]:
        columns = self.source.columns(table)
        for row in self.source.rows(table, wanted):
            yield dict(zip(columns, row[:-1].decode().split("\t"), strict=True))


@contextmanager
def open_partial(
    service: BackupService, work: WorkFactory, path: Path, recovery_key: str | None = None
) -> Iterator[PartialRestore]:
    """A full backup of the schema that is here is read where it lies; anything else is brought back
    aside, and to this release, for the time.

    Raises what `BackupService.restore_into` raises.
    """
    folder = path if path.is_dir() else path.with_suffix("")
    opened = service.open(folder, recovery_key) if folder.is_dir() else None
    if opened is not None and path.is_dir() and _is_like(opened, service.url):
        yield PartialRestore(service, work, PackSource(opened), opened)
        return
    aside = f"{databases.name_of(service.url)}_rows_{secrets.token_hex(4)}"
    with building(service.url, aside):
        service.restore_into(path, aside, recovery_key)
        url = databases.with_name(service.url, aside)
        upgrade(url)
        with open_database_source(url) as source:
            yield PartialRestore(service, work, source, opened)
        with databases.administer(service.url) as connection:
            databases.drop_database(connection, aside)


def _is_like(opened: OpenSet, url: str) -> bool:
    with databases.connect(url) as connection:
        connection.execute(CANONICAL.encode())
        return fingerprint(read_catalogue(connection)) == opened.manifest.fingerprint


def _driver_of(session: Session) -> databases.Connection:
    """The connection of the transaction that is open."""
    return cast(
        "databases.Connection", cast(Any, session.connection().connection.driver_connection)
    )
