"""Files of this machine with the bytes of objects elsewhere, as many as have room."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from opentranscribe.ports.objects import StoreAwayError

#: Whoever was given a path has this long to open it, however full the folder is.
SAFE_SECONDS = 3600.0


class LocalCopies:
    """Shared by the processes of a machine; what was used longest ago goes first."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes

    def find(self, name: str) -> Path | None:
        path = self._path(name)
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def keep(self, name: str, size_bytes: int, content: Iterable[bytes]) -> Path:
        """Raises StoreAwayError when ``content`` is not of that size."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._make_room(size_bytes)
        draft = self._folder / f".{uuid.uuid4().hex}"
        try:
            with draft.open("xb") as handle:
                for chunk in content:
                    handle.write(chunk)
                written = handle.tell()
            if written != size_bytes:
                raise StoreAwayError("The object store broke off in the middle of a file.")
            return draft.rename(self._path(name))
        finally:
            draft.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / hashlib.sha256(name.encode()).hexdigest()

    def _make_room(self, wanted_bytes: int) -> None:
        found = []
        for path in self._folder.iterdir():
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            found.append((facts.st_mtime, facts.st_size, path))
        total = sum(size for _, size, _ in found) + wanted_bytes
        for used_at, size, path in sorted(found):
            if total <= self._limit_bytes or time.time() - used_at < SAFE_SECONDS:
                return
            path.unlink(missing_ok=True)
            total -= size
