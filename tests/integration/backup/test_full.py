"""The folder with everything: one moment, proven, and cheap to make again."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
import uuid
from dataclasses import replace
from typing import Any

import pytest

from opentranscribe.features.backup import table_copy
from opentranscribe.features.backup.errors import (
    BackupDamagedError,
    BackupUnsuitableError,
    WrongRecoveryKeyError,
)
from opentranscribe.features.backup.keys import KeyRing, read_spelt
from opentranscribe.features.backup.manifest import Chunk, read_manifest, write_manifest
from opentranscribe.features.backup.service import BackupService
from opentranscribe.features.backup.verification import verify_full
from opentranscribe.work.databases import connect

from .damage import KINDS, files_of

MUTATIONS = int(os.environ.get("OPENTR_BACKUP_MUTATIONS", "500"))


class TestFullBackup:
    def test_has_every_row_and_every_recording_that_rows_name(self, service: BackupService) -> None:
        made = service.create_full()
        manifest = read_manifest(made.path)
        counts = {table.title: table.rows for table in manifest.tables}
        assert counts["public.transcript_segment"] == 4399
        assert counts["public.voiceprint"] == 8
        assert len(manifest.media) == 8
        assert manifest.missing == []
        assert manifest.revision
        assert made.record.state == "checked"
        service.verify(made.path)

    def test_seals_secrets_and_settings_for_the_recovery_key(self, service: BackupService) -> None:
        made = service.create_full()
        recovery_key = service.keys.peek_recovery_key()
        assert recovery_key
        everything = b"".join(path.read_bytes() for path in files_of(made.path))
        assert b"a-b-c" not in everything
        shutil.rmtree(service.places.secrets_dir)
        opened = service.open(made.path, recovery_key)
        files = json.loads(opened.secrets())
        assert bytes.fromhex(files[".env"]) == service.places.env_file.read_bytes()

    def test_is_opened_by_no_other_key(self, service: BackupService, tmp_path) -> None:
        made = service.create_full()
        stranger = KeyRing(tmp_path / "elsewhere")
        stranger.ensure()
        with pytest.raises(WrongRecoveryKeyError):
            service.open(made.path, stranger.peek_recovery_key())
        with pytest.raises(WrongRecoveryKeyError):
            read_spelt("OTRK-AAAAAAA")

    def test_costs_nothing_again_where_nothing_changed(self, service: BackupService) -> None:
        first = service.create_full()
        second = service.create_full()
        old, new = read_manifest(first.path), read_manifest(second.path)
        assert {one.sha256 for one in new.packs} == {one.sha256 for one in old.packs}
        assert [one.stored for one in new.media] == [one.stored for one in old.media]
        manifest_bytes = (second.path / "manifest.json").stat().st_size
        assert second.record.new_bytes == manifest_bytes

    def test_reads_only_ranges_that_were_written_to(self, service: BackupService) -> None:
        first = service.create_full()
        with connect(service.url) as connection:
            connection.execute("UPDATE transcript_segment SET text = 'other' WHERE id = 4500")
        second = service.create_full()
        old = {c.sha256 for t in read_manifest(first.path).tables for c in t.chunks}
        new = {c.sha256 for t in read_manifest(second.path).tables for c in t.chunks}
        assert len(new - old) == 1

    @pytest.mark.parametrize("is_encrypted", [False, True])
    def test_two_connections_bring_the_rows_of_one(
        self, service: BackupService, monkeypatch: pytest.MonkeyPatch, is_encrypted: bool
    ) -> None:
        alone = service.create_full(is_encrypted=is_encrypted)
        old = read_manifest(alone.path)
        shutil.rmtree(alone.path)  # nothing to build on: everything is read again
        monkeypatch.setattr(table_copy, "LEAST_SHARED", 1000)
        asked: list[int] = []
        copy_aside = table_copy._copy_aside

        def count(*args: Any) -> list[Chunk]:
            asked.append(len(args[2]))
            return copy_aside(*args)

        monkeypatch.setattr(table_copy, "_copy_aside", count)
        shared = service.create_full(is_encrypted=is_encrypted)
        assert len(asked) == 2  # none at all for the few rows of the first
        service.verify(shared.path)
        new = read_manifest(shared.path)
        assert [one.digest for one in new.tables] == [one.digest for one in old.tables]

    def test_the_older_stays_whole_when_the_newer_is_removed(self, service: BackupService) -> None:
        first = service.create_full()
        second = service.create_full()
        shutil.rmtree(first.path)
        service.verify(second.path)

    def test_keeps_a_recording_that_was_deleted_after_an_earlier_backup(
        self, service: BackupService
    ) -> None:
        first = service.create_full()
        key = read_manifest(first.path).media[0].object
        service.objects.delete(key)
        second = service.create_full()
        assert key in [one.object for one in read_manifest(second.path).media]

    def test_lists_a_recording_that_is_nowhere(self, service: BackupService) -> None:
        with connect(service.url) as connection:
            connection.execute("UPDATE media_file SET storage_path = 'media/gone' WHERE id = 3")
        made = service.create_full()
        assert read_manifest(made.path).missing == ["media/gone"]

    def test_encrypted_shows_nothing_and_builds_on_itself(self, service: BackupService) -> None:
        first = service.create_full(is_encrypted=True)
        second = service.create_full(is_encrypted=True)
        assert second.record.new_bytes < first.record.new_bytes
        everything = b"".join(path.read_bytes() for path in files_of(second.path))
        assert b"recording 1" not in everything
        assert b"person1@example.org" not in everything
        service.verify(second.path)

    def test_nothing_dangles_while_files_come_and_go(self, service: BackupService) -> None:
        stop = threading.Event()

        def churn() -> None:
            with connect(service.url) as connection:
                while not stop.is_set():
                    key = f"media/{uuid.uuid4()}"
                    service.objects.put_bytes(key, os.urandom(2000))
                    connection.execute(
                        "INSERT INTO media_file (user_id, filename, storage_path, file_size,"
                        " content_type) VALUES (1, 'n', %s, 2000, 'audio/wav')",
                        (key,),
                    )
                    old = connection.execute(
                        "DELETE FROM media_file WHERE id = (SELECT min(id) FROM media_file"
                        " WHERE filename = 'n') AND (SELECT count(*) FROM media_file) > 12"
                        " RETURNING storage_path"
                    ).fetchall()
                    for (gone,) in old:
                        service.objects.delete(gone)

        thread = threading.Thread(target=churn)
        thread.start()
        try:
            for _ in range(6):
                manifest = read_manifest(service.create_full().path)
                assert manifest.missing == []
                files = next(t for t in manifest.tables if t.name == "media_file")
                assert len(manifest.media) == files.rows
        finally:
            stop.set()
            thread.join()


class TestDamage:
    def test_every_kind_is_noticed(self, service: BackupService) -> None:
        service.create_full()
        with connect(service.url) as connection:
            connection.execute("UPDATE transcript_segment SET text = 'new' WHERE id < 100")
        older, whole = service.catalogue.list()[0], service.create_full()
        pristine = service.places.scratch_dir / "pristine"
        shutil.copytree(whole.path, pristine)
        chance = random.Random(11)
        unnoticed = []
        for number in range(MUTATIONS):
            shutil.rmtree(whole.path)
            shutil.copytree(pristine, whole.path, copy_function=os.link)
            damage = KINDS[number % len(KINDS)]
            damage(chance, whole.path, files_of(whole.path), older.path)
            try:
                verify_full(service.open(whole.path))
            except (BackupDamagedError, WrongRecoveryKeyError):
                continue
            unnoticed.append((number, damage.__name__))
        assert unnoticed == []

    def test_a_backup_of_a_later_release_is_refused_before_anything_else(
        self, service: BackupService
    ) -> None:
        made = service.create_full()
        manifest = replace(read_manifest(made.path), format=99, version="9.9.9")
        write_manifest(made.path, manifest)
        with pytest.raises(BackupUnsuitableError, match=r"9\.9\.9"):
            service.open(made.path)
