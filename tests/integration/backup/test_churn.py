"""Backups while people upload and delete: what comes back names no recording that is not there.

``OPENTR_BACKUP_CHURN`` says how many backups; each is restored and looked at.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from opentranscribe.adapters.objects.filesystem import FilesystemObjects
from opentranscribe.features.backup.manifest import read_manifest
from opentranscribe.features.backup.service import BackupService
from opentranscribe.ports.objects import ObjectNotFoundError
from opentranscribe.work import databases
from opentranscribe.work.databases import connect

ROUNDS = int(os.environ.get("OPENTR_BACKUP_CHURN", "6"))
#: A second, of each.
RATE = 20
ASIDE = "churned"


_OLDEST = """
DELETE FROM media_file WHERE id = (SELECT min(id) FROM media_file WHERE filename = 'churn')
RETURNING storage_path
"""
_NEWEST = _OLDEST.replace("min(id)", "max(id)")


class Churn:
    """Uploads and deletes as the product does them: bytes before the row, the row before bytes."""

    def __init__(self, service: BackupService) -> None:
        self._service = service
        self._stop = threading.Event()
        self.uploaded = self.deleted = 0
        self.seconds = 0.0

    def _upload(self, connection: databases.Connection, number: int) -> None:
        key = f"media/{uuid.uuid4()}"
        self._service.objects.put_bytes(key, os.urandom(4000))
        connection.execute(
            "INSERT INTO media_file (user_id, filename, storage_path, file_size, content_type)"
            " VALUES (1, 'churn', %s, 4000, 'audio/wav')",
            (key,),
        )
        self.uploaded += 1

    def _delete(self, connection: databases.Connection, number: int) -> None:
        """An old one and the newest one in turn: some live for less than a backup takes."""
        wanted = _OLDEST if number % 2 else _NEWEST
        for (key,) in connection.execute(wanted.encode()).fetchall():
            with suppress(ObjectNotFoundError):
                self._service.objects.delete(key)
            self.deleted += 1

    def _repeat(self, act: Callable[[databases.Connection, int], None]) -> None:
        started, number = time.monotonic(), 0
        with connect(self._service.url) as connection:
            while not self._stop.is_set():
                number += 1
                act(connection, number)
                self._stop.wait(max(0.0, started + number / RATE - time.monotonic()))

    @contextmanager
    def going_on(self) -> Iterator[None]:
        threads = [
            threading.Thread(target=self._repeat, args=(act,))
            for act in (self._upload, self._delete)
        ]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
            self.seconds = time.monotonic() - started


def dangling(service: BackupService, name: str, store: FilesystemObjects) -> list[str]:
    """Recordings that rows of the restored database name and the restored store does not have."""
    there = {info.key for info in store.list()}
    with connect(databases.with_name(service.url, name)) as connection:
        rows = connection.execute("SELECT storage_path FROM media_file").fetchall()
    assert rows
    return [key for (key,) in rows if key not in there]


class TestChurn:
    def test_nothing_dangles_after_a_restore(self, service: BackupService, tmp_path: Path) -> None:
        churn, found, entries = Churn(service), [], 0
        aside = f"{databases.name_of(service.url)}_{ASIDE}"
        with churn.going_on():
            made = [service.create_full().path for _ in range(ROUNDS)]
        for number, path in enumerate(made):
            manifest = read_manifest(path)
            entries += len(manifest.media)
            store = FilesystemObjects(tmp_path / f"store-{number}")
            empty = BackupService(service.places, service.url, store)
            empty.restore_into(path, aside)
            try:
                empty.restore_media(path)
                found += [*manifest.missing, *dangling(service, aside, store)]
            finally:
                with databases.administer(service.url) as connection:
                    databases.drop_database(connection, aside)
        rate = [count / churn.seconds for count in (churn.uploaded, churn.deleted)]
        print(f"{ROUNDS} backups, {entries} recordings, {rate} uploads and deletes a second")
        assert found == []
        assert churn.uploaded > ROUNDS
        assert churn.deleted > ROUNDS
