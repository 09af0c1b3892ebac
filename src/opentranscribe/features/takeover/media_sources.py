"""Where recordings of the earlier system are: in a folder exported from its bucket, or there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from opentranscribe.features.takeover.errors import DumpUnsuitableError
from opentranscribe.ports.backup_stores import BackupStore


class MediaSource(Protocol):
    """Keys are those of the earlier bucket, as its database has them; anybody may have written
    them."""

    def size_of(self, key: str) -> int | None:
        """Bytes; None where there is no such recording."""
        ...

    def borrow(self, key: str, spool: Path) -> AbstractContextManager[Path]:
        """A file with its bytes, in the folder ``spool``, which the store may take for its own."""
        ...


class FolderSource:
    """Raises DumpUnsuitableError for a folder that is none, or one that nobody can read."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise DumpUnsuitableError(f"{folder} is not a folder. Nothing was changed.")
        self._roots = _roots(folder)

    def size_of(self, key: str) -> int | None:
        path = self._find(key)
        return None if path is None else path.stat().st_size

    @contextmanager
    def borrow(self, key: str, spool: Path) -> Iterator[Path]:
        """A second name of the same bytes where that is possible."""
        source = self._find(key)
        if source is None:
            raise DumpUnsuitableError(f"{key} is gone while it was to be read.")
        with _spooled(spool) as spooled:
            try:
                os.link(source, spooled)
            except OSError:
                shutil.copyfile(source, spooled)
            yield spooled

    def _find(self, key: str) -> Path | None:
        """Never one outside the folder, wherever keys and links lead."""
        if not key or "\0" in key:
            return None
        for root in self._roots:
            path = (root / key.lstrip("/")).resolve()
            if path.is_relative_to(root) and path.is_file():
                return path
        return None


class BucketSource:
    """The bucket itself. What is there is listed once, at first."""

    def __init__(self, store: BackupStore) -> None:
        self._store = store
        self._sizes: dict[str, int] | None = None

    def size_of(self, key: str) -> int | None:
        if self._sizes is None:
            self._sizes = self._store.sizes()
        return self._sizes.get(key.lstrip("/"))

    @contextmanager
    def borrow(self, key: str, spool: Path) -> Iterator[Path]:
        """Raises StoreAwayError; what was taken before stays taken."""
        with _spooled(spool) as spooled:
            self._store.get(key.lstrip("/"), spooled)
            yield spooled


@contextmanager
def _spooled(spool: Path) -> Iterator[Path]:
    path = spool / f"import-{os.getpid()}"
    path.unlink(missing_ok=True)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _roots(folder: Path) -> list[Path]:
    """The folder itself, and those in it: one may be named after the bucket."""
    top = folder.resolve()
    if next(top.glob("*/**/xl.meta"), None) is not None:
        raise DumpUnsuitableError(
            f"{folder} is the disk of the object store itself, which keeps recordings in a form of"
            " its own. Name the bucket, --media s3://BUCKET, or export it with the store's own"
            " program, for instance: mc mirror store/opentranscribe FOLDER. Nothing was changed."
        )
    inner = (one.resolve() for one in sorted(top.iterdir()) if one.is_dir())
    return [top, *(one for one in inner if one.is_relative_to(top))]
