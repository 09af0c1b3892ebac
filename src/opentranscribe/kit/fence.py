"""A fence around the installation: while it stands, only who has its token gets in.

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

    def put_up(self) -> str:
        """The token that opens it; only its hash is kept."""
        token = secrets.token_urlsafe(32)
        write_durably(self.path, json.dumps({"token_sha256": _digest(token), "pid": os.getpid()}))
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

    def admits(self, token: str | None) -> bool:
        """Everybody where there is no fence; a fence that cannot be read admits nobody."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return True
        except (OSError, ValueError):
            return False
        return token is not None and hmac.compare_digest(
            _digest(token), str(content.get("token_sha256"))
        )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()
