"""A folder: another disk, or what a network file system shows as one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opentranscribe.kit.durable import sync_folder
from opentranscribe.ports.backup_stores import StoreAwayError

DRAFT = ".part"


class FolderStore:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sizes(self, below: str = "") -> dict[str, int]:
        with _explained(self._folder):
            start = self._folder / below
            return {
                path.relative_to(self._folder).as_posix(): path.stat().st_size
                for path in (start.rglob("*") if start.is_dir() else ())
                if path.is_file() and path.suffix != DRAFT
            }

    def put(self, name: str, source: Path) -> None:
        with _explained(self._folder):
            target = self._folder / name
            # Only below what is there: a disk that is not mounted is no empty folder.
            if not self._folder.is_dir():
                raise FileNotFoundError(f"there is no folder {self._folder}")
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = target.with_name(f".{target.name}{DRAFT}")
            with source.open("rb") as reading, draft.open("wb") as writing:
                shutil.copyfileobj(reading, writing, 1 << 20)
                writing.flush()
                os.fsync(writing.fileno())
            draft.replace(target)
            sync_folder(target.parent)

    def get(self, name: str, target: Path) -> None:
        with _explained(self._folder):
            shutil.copyfile(self._folder / name, target)

    def close(self) -> None:
        return


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreAwayError(f"{folder} cannot be used: {error}.") from error
