"""A fence around the installation: while it stands, only who has its token may change anything.

A file, so that it holds for processes that start later, survives all of them, and needs no database.
Whoever put it up is named in it; a fence whose owner died is somebody's to clear (an update takes
itself up again), never to be ignored.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from opentranscribe.kit.durable import remove, write_durably


@dataclass(frozen=True)
class Fence:
    path: Path

    def put_up(self, *, readable: bool = False) -> str:
        """The token that opens it; only its hash is kept. ``readable``: who only looks gets in."""
        token = secrets.token_urlsafe(32)
        content = {"token_sha256": _digest(token), "pid": os.getpid(), "readable": readable}
        write_durably(self.path, json.dumps(content))
        return token

    def take_down(self) -> None:
        remove(self.path)

    @property
    def stands(self) -> bool:
        return self.path.exists()

    @property
    def owner(self) -> int | None:
        """Process id of who put it up; None when there is no fence or it cannot be read."""
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))["pid"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if isinstance(found, int) else None

    def admits(self, token: str | None, *, only_reads: bool = False) -> bool:
        """Everybody where there is no fence; a fence that cannot be read admits nobody."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return True
        except (OSError, ValueError):
            return False
        if only_reads and content.get("readable") is True:
            return True
        return token is not None and hmac.compare_digest(
            _digest(token), str(content.get("token_sha256"))
        )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()
