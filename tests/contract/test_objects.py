"""What every object store promises, on each of them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opentranscribe.adapters.objects.filesystem import FilesystemObjects
from opentranscribe.adapters.objects.memory import MemoryObjects
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.objects import (
    ObjectKeyError,
    ObjectNotFoundError,
    Objects,
    StorageFullError,
)


@pytest.fixture(params=["filesystem", "memory"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "filesystem":
        return FilesystemObjects(tmp_path / "objects")
    return MemoryObjects()


def read(objects: Objects, key: str, start: int = 0, length: int = 1 << 30) -> bytes:
    return b"".join(objects.open_range(key, start, length))


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
