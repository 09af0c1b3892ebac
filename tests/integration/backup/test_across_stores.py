"""A backup of an installation with files of its own comes back into one with a bucket, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.seaweed import Seaweed, serve
from tests.contract.test_objects import bucket_of, read, read_soon

from opentranscribe.adapters.objects.copies import LocalCopies
from opentranscribe.adapters.objects.filesystem import FilesystemObjects
from opentranscribe.adapters.objects.s3 import S3Objects
from opentranscribe.features.backup.manifest import read_manifest
from opentranscribe.features.backup.service import BackupService


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    yield from serve(tmp_path_factory.mktemp("seaweed"))


@pytest.fixture
def bucket(store: Seaweed, tmp_path: Path) -> S3Objects:
    return S3Objects(bucket_of(store), LocalCopies(tmp_path / "copies", 1 << 30))


class TestAcrossStores:
    def test_recordings_of_a_folder_come_back_into_a_bucket_and_from_there_into_a_folder(
        self, service: BackupService, bucket: S3Objects, tmp_path: Path
    ) -> None:
        made = service.create_full(is_encrypted=True)
        entries = read_manifest(made.path).media
        with_bucket = replace(service, objects=bucket)
        wait_for_disks(bucket)
        assert with_bucket.restore_media(made.path) == len(entries) == 8
        for entry in entries:
            assert read_soon(bucket, entry.object) == read(service.objects, entry.object)
        assert with_bucket.restore_media(made.path) == 0
        again = with_bucket.create_full(is_encrypted=True)
        folder = FilesystemObjects(tmp_path / "another")
        assert replace(service, objects=folder).restore_media(again.path) == 8
        for entry in entries:
            assert read(folder, entry.object) == read(service.objects, entry.object)


def wait_for_disks(bucket: S3Objects) -> None:
    """A store that has just come up may not have found all its disks yet."""
    bucket.put_bytes("first/object", b"x")
    assert read_soon(bucket, "first/object") == b"x"
    bucket.delete("first/object")
