"""One log file a service, turned over when it grows."""

from __future__ import annotations

from pathlib import Path
from typing import IO

MAX_BYTES = 20 * 1024 * 1024
KEPT = 3


def log_path(folder: Path, service: str) -> Path:
    return folder / f"{service}.log"


def open_log(folder: Path, service: str) -> IO[bytes]:
    """Open for appending; a file past its size becomes ``name.log.1`` first."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = log_path(folder, service)
    if path.exists() and path.stat().st_size > MAX_BYTES:
        for number in range(KEPT - 1, 0, -1):
            older = path.with_suffix(f".log.{number}")
            if older.exists():
                older.replace(path.with_suffix(f".log.{number + 1}"))
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def last_line(path: Path) -> str:
    """The last thing a service said, which is mostly why it ended."""
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - 4096))
        lines = handle.read().decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
