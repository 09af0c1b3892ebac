"""What every object store promises, on each of them."""

from __future__ import annotations

import errno
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.contract.seaweed import ACCESS_KEY, SECRET_KEY, Seaweed, make_store, serve

from opentranscribe.adapters.objects.copies import LocalCopies
from opentranscribe.adapters.objects.filesystem import FilesystemObjects
from opentranscribe.adapters.objects.memory import MemoryObjects
from opentranscribe.adapters.objects.s3 import Bucket, S3Objects
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.objects import (
    ObjectKeyError,
    ObjectNotFoundError,
    Objects,
    StorageFullError,
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    yield from serve(tmp_path_factory.mktemp("seaweed"))


def bucket_of(service: Seaweed, **changed: str) -> Bucket:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    return replace(Bucket(service.address, name, ACCESS_KEY, SECRET_KEY), **changed)


@pytest.fixture(params=["filesystem", "memory", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "filesystem":
        return FilesystemObjects(tmp_path / "objects")
    if request.param == "s3":
        bucket = bucket_of(request.getfixturevalue("service"))
        return S3Objects(bucket, LocalCopies(tmp_path / "copies", 1 << 30))
    return MemoryObjects()


def read(objects: Objects, key: str, start: int = 0, length: int = 1 << 30) -> bytes:
    return b"".join(objects.open_range(key, start, length))


def read_soon(objects: Objects, key: str, seconds: float = 30.0) -> bytes:
    """A service that has just come up may not have found all its disks yet."""
    until = time.monotonic() + seconds
    while True:
        try:
            return read(objects, key)
        except UnavailableError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


class TestBytes:
    def test_come_back_as_they_went_in(self, objects: Objects) -> None:
        info = objects.put_bytes("a/b.bin", b"hello")
        assert (info.key, info.size_bytes) == ("a/b.bin", 5)
        assert objects.stat("a/b.bin") == info
        assert read(objects, "a/b.bin") == b"hello"
        assert objects.local_path("a/b.bin").read_bytes() == b"hello"

    def test_a_file_is_taken_over_whole(self, objects: Objects, tmp_path: Path) -> None:
        source = tmp_path / "source"
        data = os.urandom(3_000_000)
        source.write_bytes(data)
        assert objects.put_file("media/x", source).size_bytes == len(data)
        assert read(objects, "media/x") == data

    def test_are_replaced_whole(self, objects: Objects) -> None:
        objects.put_bytes("k", b"long first value")
        objects.put_bytes("k", b"second")
        assert read(objects, "k") == b"second"

    @pytest.mark.parametrize(
        ("start", "length", "expected"),
        [(0, 3, b"012"), (7, 100, b"789"), (10, 1, b""), (50, 5, b""), (4, 0, b"")],
    )
    def test_come_in_ranges(
        self, objects: Objects, start: int, length: int, expected: bytes
    ) -> None:
        objects.put_bytes("k", b"0123456789")
        assert read(objects, "k", start, length) == expected

    def test_come_in_chunks_of_the_size_asked_for(self, objects: Objects) -> None:
        objects.put_bytes("k", b"0123456789")
        assert list(objects.open_range("k", 1, 7, chunk_bytes=3)) == [b"123", b"456", b"7"]

    def test_an_empty_object_exists(self, objects: Objects) -> None:
        objects.put_bytes("empty", b"")
        assert objects.stat("empty").size_bytes == 0
        assert read(objects, "empty") == b""


class TestAbsence:
    def test_is_said_before_the_first_byte(self, objects: Objects) -> None:
        objects.put_bytes("folder/k", b"x")
        for key in ("nothing", "folder", "folder/k/below"):
            with pytest.raises(ObjectNotFoundError):
                objects.open_range(key, 0, 1)
            with pytest.raises(ObjectNotFoundError):
                objects.stat(key)
            with pytest.raises(ObjectNotFoundError):
                objects.local_path(key)

    def test_deleting_twice_is_fine(self, objects: Objects) -> None:
        objects.put_bytes("a/b/c", b"x")
        objects.delete("a/b/c")
        objects.delete("a/b/c")
        objects.delete("never/there")
        with pytest.raises(ObjectNotFoundError):
            objects.stat("a/b/c")
        assert list(objects.list()) == []


class TestKeys:
    @pytest.mark.parametrize(
        "key",
        [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a/./b",
            "a/",
            ".hidden",
            "a\\b",
            "a\0b",
            "a\nb",
            "\ud800",
            "x" * 501,
            "ü" * 200,
        ],
    )
    def test_that_could_do_harm_are_refused(self, objects: Objects, key: str) -> None:
        attempts: list[Callable[[], Any]] = [
            lambda: objects.put_bytes(key, b"x"),
            lambda: objects.open_range(key, 0, 1),
            lambda: objects.stat(key),
            lambda: objects.delete(key),
        ]
        for attempt in attempts:
            with pytest.raises(ObjectKeyError):
                attempt()

    def test_are_listed_by_prefix(self, objects: Objects) -> None:
        for key in ("b/2", "a/1", "b/1", "c"):
            objects.put_bytes(key, key.encode())
        assert sorted(info.key for info in objects.list()) == ["a/1", "b/1", "b/2", "c"]
        assert sorted(info.key for info in objects.list("b/")) == ["b/1", "b/2"]
        assert [info.size_bytes for info in objects.list("c")] == [1]


class TestPing:
    def test_leaves_nothing_behind(self, objects: Objects) -> None:
        objects.ping()
        assert list(objects.list()) == []


class TestFull:
    def test_memory_that_is_full_says_so_and_keeps_what_it_has(self) -> None:
        objects = MemoryObjects(capacity_bytes=10)
        objects.put_bytes("a", b"12345")
        with pytest.raises(StorageFullError):
            objects.put_bytes("b", b"123456")
        assert [info.key for info in objects.list()] == ["a"]
        objects.put_bytes("a", b"1234567890")


class TestFilesystem:
    """What only a disk can get wrong."""

    def test_a_write_is_synced_renamed_and_its_folder_synced(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps = spy(monkeypatch)
        FilesystemObjects(tmp_path).put_bytes("a/k", b"x")
        target = str(tmp_path / "a/k")
        renamed = steps.index(("rename", target))
        assert steps[renamed - 1][0] == "fsync"
        assert steps[renamed + 1] == ("fsync", str(tmp_path / "a"))
        assert ("fsync", str(tmp_path)) in steps[:renamed]

    def test_a_file_is_synced_moved_and_its_folder_synced(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"x")
        objects = FilesystemObjects(tmp_path / "objects")
        objects.put_bytes("a/other", b"")
        steps = spy(monkeypatch)
        objects.put_file("a/k", source)
        folder = tmp_path / "objects/a"
        assert steps == [
            ("fsync", str(source)),
            ("rename", str(folder / "k")),
            ("fsync", str(folder)),
        ]

    def test_the_nth_write_failing_leaves_no_half_object(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """ENOSPC at every system call in turn, until none is left to fail."""
        objects = FilesystemObjects(tmp_path / "objects")
        objects.put_bytes("a/k", b"old")
        failures = 0
        while True:
            with monkeypatch.context() as patch:
                fail_at(patch, failures)
                try:
                    objects.put_bytes("a/k", b"new")
                except StorageFullError:
                    failures += 1
                else:
                    break
            assert read(objects, "a/k") in (b"old", b"new")
            assert [info.key for info in objects.list()] == ["a/k"]
            assert list((tmp_path / "objects/.incoming").iterdir()) == []
        assert failures >= 3
        assert read(objects, "a/k") == b"new"

    def test_a_source_on_another_disk_is_copied(self, tmp_path: Path) -> None:
        elsewhere = Path("/dev/shm")
        if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("no second file system on this machine")
        source = elsewhere / f"opentr-test-{os.getpid()}"
        source.write_bytes(b"from afar")
        objects = FilesystemObjects(tmp_path)
        objects.put_file("a/k", source)
        assert read(objects, "a/k") == b"from afar"
        assert not source.exists()

    def test_a_disk_that_fails_otherwise_is_unavailable(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        objects = FilesystemObjects(tmp_path)
        fail_at(monkeypatch, 0, errno.EIO)
        with pytest.raises(UnavailableError) as caught:
            objects.put_bytes("k", b"x")
        assert not isinstance(caught.value, StorageFullError)


class TestS3:
    """What only a service elsewhere can get wrong."""

    def test_a_large_file_comes_back_whole_and_in_ranges(
        self, service: Seaweed, tmp_path: Path
    ) -> None:
        objects = S3Objects(bucket_of(service), LocalCopies(tmp_path / "copies", 1 << 30))
        data = os.urandom(40_000_000)
        source = tmp_path / "source"
        source.write_bytes(data)
        objects.put_file("media/x", source)
        assert not source.exists()
        assert objects.local_path("media/x").read_bytes() == data
        assert read(objects, "media/x", 33_000_000, 1000) == data[33_000_000:33_001_000]

    def test_a_copy_is_fetched_once_and_follows_a_change(
        self, service: Seaweed, tmp_path: Path
    ) -> None:
        objects = S3Objects(bucket_of(service), LocalCopies(tmp_path / "copies", 1 << 30))
        objects.put_bytes("k", b"first")
        path = objects.local_path("k")
        inode = path.stat().st_ino
        assert objects.local_path("k").stat().st_ino == inode
        objects.put_bytes("k", b"other")
        assert objects.local_path("k").read_bytes() == b"other"

    def test_a_wrong_key_is_told(self, service: Seaweed, tmp_path: Path) -> None:
        stranger = bucket_of(service, secret_key="wrong")
        objects = S3Objects(stranger, LocalCopies(tmp_path / "copies", 1 << 30))
        with pytest.raises(UnavailableError, match="cannot be used"):
            objects.put_bytes("k", b"x")

    def test_one_that_is_away_is_told_and_works_again(self, tmp_path: Path) -> None:
        (tmp_path / "own").mkdir()
        service = make_store(tmp_path / "own")
        service.start()
        objects = S3Objects(bucket_of(service), LocalCopies(tmp_path / "copies", 1 << 30))
        objects.put_bytes("k", b"kept")
        service.kill()
        try:
            with pytest.raises(UnavailableError):
                objects.ping()
            service.start()
            assert read_soon(objects, "k") == b"kept"
        finally:
            service.kill()


class TestCopies:
    def test_what_was_used_longest_ago_makes_room(self, tmp_path: Path) -> None:
        copies = LocalCopies(tmp_path, 25)
        paths = [copies.keep(name, 10, [b"0123456789"]) for name in ("old", "used")]
        for age, path in zip((9000, 8000), paths, strict=True):
            os.utime(path, (time.time() - age,) * 2)
        copies.keep("new", 10, [b"0123456789"])
        assert copies.find("old") is None
        assert copies.find("used") == paths[1]

    def test_what_somebody_may_be_about_to_open_stays(self, tmp_path: Path) -> None:
        copies = LocalCopies(tmp_path, 15)
        first = copies.keep("first", 10, [b"0123456789"])
        copies.keep("second", 10, [b"0123456789"])
        assert first.exists()

    def test_half_a_file_is_none(self, tmp_path: Path) -> None:
        copies = LocalCopies(tmp_path, 100)
        with pytest.raises(UnavailableError):
            copies.keep("k", 10, [b"0123"])
        assert copies.find("k") is None
        assert list(tmp_path.iterdir()) == []


def spy(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every fsync (by the file it is about) and rename (by its target), in order."""
    steps: list[tuple[str, str]] = []
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(descriptor: int) -> None:
        steps.append(("fsync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))
        fsync(descriptor)

    def watched_replace(self: Path, target: Path) -> Path:
        steps.append(("rename", str(target)))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    return steps


def fail_at(monkeypatch: pytest.MonkeyPatch, nth: int, number: int = errno.ENOSPC) -> None:
    """The n-th of all calls that can find a disk full raises."""
    calls = iter(range(1_000_000))

    def failing(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if next(calls) == nth:
                raise OSError(number, os.strerror(number))
            return original(*arguments, **named)

        return call

    monkeypatch.setattr(os, "fsync", failing(os.fsync))
    monkeypatch.setattr(Path, "replace", failing(Path.replace))
    monkeypatch.setattr(Path, "open", failing(Path.open))
