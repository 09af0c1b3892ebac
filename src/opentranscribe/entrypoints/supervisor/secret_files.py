"""Secrets that are made on first start and kept as files only their owner can read."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from opentranscribe.kit.errors import ForbiddenError

SETUP_TOKEN = "setup-token"  # noqa: S105 - a file name


class FolderNotOursError(ForbiddenError):
    code = "folder_not_ours"


def private_folder(folder: Path) -> Path:
    """``folder``, made if need be, closed to everybody else.

    Raises FolderNotOursError for a link or another user's folder, as may be planted in /tmp.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if os.geteuid() not in {0, found.st_uid} or (
        stat.S_ISLNK(found.st_mode) and _is_shared(folder)
    ):
        raise FolderNotOursError(
            f"{folder} belongs to somebody else. Nothing was changed; remove it or make it yours."
        )
    folder.chmod(0o700)
    return folder


def _is_shared(folder: Path) -> bool:
    """Whether anybody may put things where this folder lies."""
    return bool(folder.parent.stat().st_mode & stat.S_IWOTH)


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
