"""Secrets that are made on first start and kept as files only their owner can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

SETUP_TOKEN = "setup-token"  # noqa: S105 - a file name


def private_folder(folder: Path) -> Path:
    """``folder``, made if need be, closed to everybody else."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder


def ensure_secret(folder: Path, name: str, make: str | None = None) -> str:
    """The secret in ``folder/name``; made (256 random bits unless given) when it is not there.

    Two processes that make it at once agree: the file appears whole and the first one wins.
    """
    path = private_folder(folder) / name
    if not path.exists():
        draft = folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(make or secrets.token_urlsafe(32))
            handle.flush()
            os.fsync(handle.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="utf-8").strip()
