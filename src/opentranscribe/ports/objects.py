"""Object storage: named, immutable byte strings (media, thumbnails, peaks)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from opentranscribe.kit.errors import InvalidError, NotFoundError, UnavailableError


class ObjectNotFoundError(NotFoundError):
    code = "object_not_found"


class ObjectKeyError(InvalidError):
    """A key with an absolute path, ``..``, an empty part or a control character."""

    code = "object_key"


class StoreAwayError(UnavailableError):
    """The store does not answer, or not as a store that is well."""

    code = "store_unavailable"
    outage = True


class StorageFullError(UnavailableError):
    code = "storage_full"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    key: str
    size_bytes: int


class Objects(Protocol):
    def put_file(self, key: str, source: Path) -> ObjectInfo:
        """Store a finished local file durably (fsync before return). ``source`` may be consumed
        (moved); the object appears whole or not at all. Raises StorageFullError, ObjectKeyError."""
        ...

    def put_bytes(self, key: str, data: bytes) -> ObjectInfo: ...

    def open_range(
        self, key: str, start: int, length: int, chunk_bytes: int = 1 << 18
    ) -> Iterator[bytes]:
        """Bytes [start, start+length) in chunks. Raises ObjectNotFoundError before the first."""
        ...

    def local_path(self, key: str) -> Path:
        """A local file with the object's bytes, for engines that need one; do not write to it."""
        ...

    def stat(self, key: str) -> ObjectInfo: ...

    def delete(self, key: str) -> None:
        """Idempotent: deleting what is not there is fine."""
        ...

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]: ...

    def ping(self) -> None:
        """Raises UnavailableError when the store cannot take and give bytes."""
        ...
