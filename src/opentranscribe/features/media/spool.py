"""Uploads on disk while they arrive. What is called the offset is what a power cut would leave.

One file per upload, named by its uuid. A writer holds an exclusive ``flock`` on it. A part that
brings a checksum is only trusted once it is whole: until then ``<uuid>.verified`` says where the
trusted bytes end.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from opentranscribe.features.media.errors import (
    ChecksumMismatchError,
    UploadBusyError,
    UploadNotFoundError,
    UploadStorageFullError,
)

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
HASH_CHUNK_BYTES = 1 << 20
MOST_RUNNING_HASHES = 256


class RunningHashes:
    """SHA-256 of the bytes so far, so that most uploads need not be read again at their end.

    Lost with the process, which costs time only: the whole file is then hashed when it is complete.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: OrderedDict[uuid.UUID, tuple[int, hashlib._Hash]] = OrderedDict()

    def take(self, name: uuid.UUID, offset: int) -> hashlib._Hash | None:
        with self._lock:
            position, state = self._states.pop(name, (-1, None))
        if offset == 0:
            return hashlib.sha256()
        return state if position == offset else None

    def put(self, name: uuid.UUID, offset: int, state: hashlib._Hash) -> None:
        with self._lock:
            self._states[name] = (offset, state)
            while len(self._states) > MOST_RUNNING_HASHES:
                self._states.popitem(last=False)


HASHES = RunningHashes()


class Spool:
    """The folder of the files that are arriving."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: uuid.UUID) -> Path:
        return self._folder / f"{name}.part"

    def create(self, name: uuid.UUID, size_bytes: int = 0) -> None:
        """Raises UploadStorageFullError when the disk has no room for the whole."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if shutil.disk_usage(self._folder).free < size_bytes:
                raise UploadStorageFullError
            self.path(name).touch(mode=0o600, exist_ok=False)
            sync_folder(self._folder)
        except OSError as error:
            if error.errno in FULL:
                raise UploadStorageFullError from error
            raise

    def durable_length(self, name: uuid.UUID) -> int | None:
        """How many bytes would survive a loss of power now; None when there is no such file."""
        verified = read_verified(self._verified_path(name))
        if verified is not None:
            return verified
        try:
            with self.path(name).open("rb") as handle:
                length = os.fstat(handle.fileno()).st_size
                os.fsync(handle.fileno())
                return length
        except FileNotFoundError:
            return None

    def writer(self, name: uuid.UUID) -> SpoolWriter:
        """Raises UploadBusyError while somebody else writes, UploadNotFoundError."""
        try:
            descriptor = os.open(self.path(name), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise UploadNotFoundError from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not is_same_file(descriptor, self.path(name)):
                raise UploadNotFoundError
            return SpoolWriter(name, descriptor, self._verified_path(name))
        except BlockingIOError as error:
            os.close(descriptor)
            raise UploadBusyError from error
        except BaseException:
            os.close(descriptor)
            raise

    def remove(self, name: uuid.UUID) -> None:
        self.path(name).unlink(missing_ok=True)
        self._verified_path(name).unlink(missing_ok=True)

    def iter_names(self, older_than: float) -> Iterator[uuid.UUID]:
        """Files last written before that moment (seconds since 1970)."""
        for path in self._folder.glob("*.part"):
            try:
                if path.stat().st_mtime < older_than:
                    yield uuid.UUID(path.stem)
            except (ValueError, FileNotFoundError):
                continue

    def _verified_path(self, name: uuid.UUID) -> Path:
        return self._folder / f"{name}.verified"


class SpoolWriter:
    """The only writer of one upload. Nothing counts until ``settle`` has returned."""

    def __init__(self, name: uuid.UUID, descriptor: int, verified_path: Path) -> None:
        self.name = name
        self._descriptor = descriptor
        self._verified_path = verified_path
        self._expected: tuple[hashlib._Hash, bytes] | None = None
        self._length = os.fstat(descriptor).st_size
        trusted = read_verified(verified_path)
        if trusted is not None:
            self._cut(trusted)
            self._forget_guard()
        os.fsync(descriptor)
        self.offset = self._length
        self._whole = HASHES.take(name, self.offset)

    def expect(self, algorithm: str, digest: bytes) -> None:
        """What comes now counts only if all of it has this digest (sha256 or sha1)."""
        new = hashlib.sha256() if algorithm == "sha256" else hashlib.sha1(usedforsecurity=False)
        self._expected = (new, digest)
        temporary = self._verified_path.with_suffix(".new")
        with temporary.open("w", encoding="ascii") as handle:
            handle.write(str(self.offset))
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(self._verified_path)
        sync_folder(self._verified_path.parent)

    def write(self, data: bytes | bytearray) -> None:
        """Raises UploadStorageFullError; what did fit is kept."""
        view = memoryview(data)
        while view:
            try:
                written = os.pwrite(self._descriptor, view, self._length)
            except OSError as error:
                raise self._disk_error(error) from error
            self._feed(view[:written])
            self._length += written
            view = view[written:]

    def settle(self) -> int:
        """Make everything written durable: the new offset. Raises ChecksumMismatchError."""
        if self._expected is not None:
            state, digest = self._expected
            if state.digest() != digest:
                self._cut(self.offset)
                self._forget_guard()
                raise ChecksumMismatchError(self.offset)
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            # After a failed fsync nobody knows which pages reached the disk: none of them count.
            self._cut(self.offset)
            raise self._disk_error(error) from error
        self._forget_guard()
        self.offset = self._length
        return self.offset

    def sha256(self) -> str:
        """Of all that is settled; read again only if it did not all pass through here."""
        if self._whole is None:
            self._whole = hash_chunks(self._read_all())
        return self._whole.hexdigest()

    def close(self) -> None:
        if self._whole is not None and self._length == self.offset:
            HASHES.put(self.name, self.offset, self._whole)
        os.close(self._descriptor)

    def _feed(self, data: memoryview) -> None:
        if self._whole is not None:
            self._whole.update(data)
        if self._expected is not None:
            self._expected[0].update(data)

    def _read_all(self) -> Iterator[bytes]:
        at = 0
        while chunk := os.pread(self._descriptor, HASH_CHUNK_BYTES, at):
            at += len(chunk)
            yield chunk

    def _cut(self, length: int) -> None:
        os.ftruncate(self._descriptor, length)
        os.fsync(self._descriptor)
        self._length = length
        self._whole = None

    def _forget_guard(self) -> None:
        self._expected = None
        if self._verified_path.exists():
            self._verified_path.unlink()
            sync_folder(self._verified_path.parent)

    def _disk_error(self, error: OSError) -> OSError | UploadStorageFullError:
        return UploadStorageFullError(self._length) if error.errno in FULL else error


def hash_chunks(chunks: Iterator[bytes]) -> hashlib._Hash:
    state = hashlib.sha256()
    for chunk in chunks:
        state.update(chunk)
    return state


def read_verified(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None


def is_same_file(descriptor: int, path: Path) -> bool:
    """Whether the path still names what was opened: it may have been finished meanwhile."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
