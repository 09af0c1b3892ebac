"""Objects as files under one folder; what was stored survives a loss of power.

Written by: temporary file on the same file system, fsync, rename, fsync of the folders. (ALICE,
Pillai et al., OSDI 2014: leaving out any of these loses files on some file system.)
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from opentranscribe.adapters.objects.keys import check_key
from opentranscribe.adapters.objects.trying import try_store
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.objects import ObjectInfo, ObjectNotFoundError, StorageFullError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
COPY_CHUNK_BYTES = 1 << 20


class FilesystemObjects:
    """``root`` holds the objects and, in ``.incoming``, what is on its way in."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / ".incoming"

    def put_file(self, key: str, source: Path) -> ObjectInfo:
        target = self._path(key)
        with self._disk_errors(key):
            self._make_folder(target.parent)
            with source.open("rb") as handle:
                os.fsync(handle.fileno())
                size = os.fstat(handle.fileno()).st_size
            try:
                source.replace(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._copy_in(source, target)
                source.unlink(missing_ok=True)
            sync_folder(target.parent)
        return ObjectInfo(key, size)

    def put_bytes(self, key: str, data: bytes) -> ObjectInfo:
        target = self._path(key)
        with self._disk_errors(key):
            self._make_folder(target.parent)
            with self._incoming_file() as (handle, temporary):
                handle.write(data)
                self._settle(handle, temporary, target)
        return ObjectInfo(key, len(data))

    def open_range(
        self, key: str, start: int, length: int, chunk_bytes: int = 1 << 18
    ) -> Iterator[bytes]:
        path = self._path(key)
        try:
            handle = path.open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise ObjectNotFoundError("The stored file is missing.", key=key) from error
        return _chunks(handle, start, length, chunk_bytes)

    def local_path(self, key: str) -> Path:
        self.stat(key)
        return self._path(key)

    def stat(self, key: str) -> ObjectInfo:
        path = self._path(key)
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ObjectNotFoundError("The stored file is missing.", key=key) from error
        if not path.is_file():
            raise ObjectNotFoundError("The stored file is missing.", key=key)
        return ObjectInfo(key, found.st_size)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with self._disk_errors(key):
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return
            sync_folder(path.parent)
            self._prune(path.parent)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        for folder, subfolders, names in os.walk(self._root):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            for name in sorted(names):
                path = Path(folder, name)
                key = path.relative_to(self._root).as_posix()
                if key.startswith(prefix) and not name.startswith("."):
                    # One that was deleted while we walk is simply not listed.
                    with contextlib.suppress(FileNotFoundError):
                        yield ObjectInfo(key, path.stat().st_size)

    def ping(self) -> None:
        try_store(self)

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _make_folder(self, folder: Path) -> None:
        missing: list[Path] = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for new in reversed(missing):
            new.mkdir(mode=0o700, exist_ok=True)
            sync_folder(new.parent)

    def _copy_in(self, source: Path, target: Path) -> None:
        with source.open("rb") as origin, self._incoming_file() as (handle, temporary):
            shutil.copyfileobj(origin, handle, COPY_CHUNK_BYTES)
            self._settle(handle, temporary, target)

    @contextmanager
    def _incoming_file(self) -> Iterator[tuple[BinaryIO, Path]]:
        self._make_folder(self._incoming)
        temporary = self._incoming / uuid.uuid4().hex
        try:
            with temporary.open("xb") as handle:
                yield handle, temporary
        finally:
            temporary.unlink(missing_ok=True)

    def _settle(self, handle: BinaryIO, temporary: Path, target: Path) -> None:
        handle.flush()
        os.fsync(handle.fileno())
        temporary.replace(target)
        sync_folder(target.parent)

    def _prune(self, folder: Path) -> None:
        """Remove folders that became empty; one that fills up meanwhile stays."""
        while folder != self._root:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    @contextmanager
    def _disk_errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in FULL:
                raise StorageFullError(
                    "The disk of the server is full. Nothing was lost; free some space and "
                    "try again.",
                    key=key,
                ) from error
            raise UnavailableError("The file store could not be written.", key=key) from error


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable: a rename alone may be lost with the power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _chunks(handle: BinaryIO, start: int, length: int, chunk_bytes: int) -> Iterator[bytes]:
    with handle:
        handle.seek(start)
        while length > 0:
            chunk = handle.read(min(chunk_bytes, length))
            if not chunk:
                return
            length -= len(chunk)
            yield chunk
