"""Reading the installation folder: file systems, permissions, models, recordings."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from opentranscribe.features.upgrade.preflight.context import Context
from opentranscribe.features.upgrade.preflight.facts import (
    Disk,
    FactMissingError,
    Folder,
    Folders,
    MediaSample,
    Models,
)

#: A model cache has a few hundred entries; a wrong owner shows among the first ones.
MOST_ENTRIES = 2_000


def read_disks(context: Context) -> tuple[Disk, ...]:
    """One for each different file system that an update writes to."""
    grouped: dict[int, list[tuple[str, Path]]] = {}
    for name, path in _folders(context):
        if name in {"data", "backups", "releases"}:
            grouped.setdefault(nearest(path).stat().st_dev, []).append((name, path))
    return tuple(_measure(folders) for folders in grouped.values())


def read_folders(context: Context) -> Folders:
    secrets = _files(context.secrets_dir)
    return Folders(
        all=tuple(_look(name, path) for name, path in _folders(context)),
        uid=os.geteuid(),
        open_secrets=tuple(one.name for one in secrets if one.stat().st_mode & 0o077),
        empty_secrets=tuple(one.name for one in secrets if one.stat().st_size == 0),
    )


def read_models(context: Context) -> Models:
    """What in the model cache the owner of the data folder could not use."""
    if not context.models_dir.is_dir():
        return Models()
    owner = nearest(context.data_dir).stat().st_uid
    foreign, looked_at = [], 0
    for path in islice(_walk(context.models_dir), MOST_ENTRIES):
        looked_at += 1
        if not _is_usable(path.lstat(), owner):
            foreign.append(str(path.relative_to(context.models_dir)))
    return Models(tuple(foreign), looked_at)


def sample_media(context: Context, keys: Iterable[str]) -> MediaSample:
    """Raises FactMissingError where recordings are not kept in a folder of ours."""
    objects = context.data_dir / "objects"
    wanted = list(keys)
    if not objects.is_dir() and not (context.embedded and wanted):
        raise FactMissingError("no recordings are kept in the data folder", quiet=True)
    missing = tuple(key for key in wanted if not (objects / key).is_file())
    return MediaSample(len(wanted), missing)


def nearest(path: Path) -> Path:
    """The path itself or the first of its parents that exists."""
    return next(one for one in (path, *path.absolute().parents) if one.exists())


def _folders(context: Context) -> Iterator[tuple[str, Path]]:
    yield "home", context.home
    yield "data", context.data_dir
    yield "backups", context.backups_dir
    yield "releases", context.releases_dir
    yield "run", context.run_dir
    yield "secrets", context.secrets_dir
    yield "logs", context.logs_dir


def _measure(folders: list[tuple[str, Path]]) -> Disk:
    found = os.statvfs(nearest(folders[0][1]))
    free = found.f_bavail * found.f_frsize
    return Disk(tuple(folders), free, found.f_favail if found.f_files else None)


def _look(name: str, path: Path) -> Folder:
    there = nearest(path)
    found = there.stat()
    return Folder(
        name=name,
        path=path,
        mode=stat.S_IMODE(found.st_mode) if path.exists() else None,
        uid=found.st_uid,
        writable=os.access(there, os.W_OK | os.X_OK),
        on_read_only=bool(os.statvfs(there).f_flag & os.ST_RDONLY),
    )


def _files(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_file()) if folder.is_dir() else []


def _walk(folder: Path) -> Iterator[Path]:
    yield folder
    for parent, inner, names in os.walk(folder):
        for name in (*inner, *names):
            yield Path(parent, name)


def _is_usable(found: os.stat_result, owner: int) -> bool:
    """Whether ``owner`` may read it, and write into it when it is a folder."""
    if owner in {0, found.st_uid} or stat.S_ISLNK(found.st_mode):
        return True
    needed = stat.S_IROTH | (stat.S_IWOTH if stat.S_ISDIR(found.st_mode) else 0)
    return found.st_mode & needed == needed
