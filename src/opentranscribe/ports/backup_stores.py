"""Somewhere else to keep backups: another disk, a bucket, another machine.

Names are relative paths with ``/``. What is put is there whole under its name or not at all, also
when the process or the network dies in between, and is never changed afterwards.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from opentranscribe.kit.errors import ForbiddenError, UnavailableError


class StoreAwayError(UnavailableError):
    """It does not answer, or broke off; trying again may help."""

    code = "backup_store_away"
    transient = True


class StoreRefusedError(ForbiddenError):
    """It answers, and does not let us in or is not who we know; trying again will not help."""

    code = "backup_store_refused"


class BackupStore(Protocol):
    def sizes(self, below: str = "") -> dict[str, int]:
        """Names that begin with the folder ``below``, and their bytes."""
        ...

    def put(self, name: str, source: Path) -> None: ...

    def get(self, name: str, target: Path) -> None:
        """Raises StoreAwayError, also where there is no such name."""
        ...

    def close(self) -> None: ...
