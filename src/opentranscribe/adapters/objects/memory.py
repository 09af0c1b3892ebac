"""Objects in memory, for tests and for runs that keep nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from opentranscribe.adapters.objects.keys import check_key
from opentranscribe.ports.objects import ObjectInfo, ObjectNotFoundError, StorageFullError


class MemoryObjects:
    """``capacity_bytes`` makes the store as small as a full disk."""

    def __init__(self, capacity_bytes: int | None = None) -> None:
        self._objects: dict[str, bytes] = {}
        self._capacity_bytes = capacity_bytes
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def put_file(self, key: str, source: Path) -> ObjectInfo:
        info = self.put_bytes(key, source.read_bytes())
        source.unlink()
        return info

    def put_bytes(self, key: str, data: bytes) -> ObjectInfo:
        others = sum(len(held) for name, held in self._objects.items() if name != key)
        if self._capacity_bytes is not None and others + len(data) > self._capacity_bytes:
            raise StorageFullError("The store is full. Nothing was lost.", key=key)
        self._objects[check_key(key)] = bytes(data)
        return ObjectInfo(key, len(data))

    def open_range(
        self, key: str, start: int, length: int, chunk_bytes: int = 1 << 18
    ) -> Iterator[bytes]:
        data = self._get(key)[start : start + max(0, length)]
        return (data[at : at + chunk_bytes] for at in range(0, len(data), chunk_bytes))

    def local_path(self, key: str) -> Path:
        data = self._get(key)
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="opentr-objects-")
        path = Path(self._folder.name, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def stat(self, key: str) -> ObjectInfo:
        return ObjectInfo(key, len(self._get(key)))

    def delete(self, key: str) -> None:
        self._objects.pop(check_key(key), None)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        for key in sorted(self._objects):
            if key.startswith(prefix):
                yield ObjectInfo(key, len(self._objects[key]))

    def ping(self) -> None:
        """Memory always answers."""

    def _get(self, key: str) -> bytes:
        try:
            return self._objects[check_key(key)]
        except KeyError as error:
            raise ObjectNotFoundError("The stored file is missing.", key=key) from error
