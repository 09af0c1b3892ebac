"""Tokens: how they are made, kept and when they end."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

Kind = Literal["browser", "bearer"]

#: How exactly the last use of a session is known; spares a write on every request.
SEEN_EVERY = timedelta(seconds=60)


def new_token() -> str:
    """256 random bits; guessing one is hopeless, so that a plain SHA-256 may be kept of it."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """What the person is given once; the server keeps hashes only."""

    token: str = field(repr=False)
    csrf_token: str = field(repr=False)
    expires_in_seconds: int


def is_live(
    at: datetime,
    *,
    kind: str,
    expires_at: datetime,
    last_seen_at: datetime,
    revoked_at: datetime | None,
    idle_seconds: float,
) -> bool:
    """Scripts may rest between calls; browsers left alone are signed out."""
    if revoked_at is not None or at >= expires_at:
        return False
    return kind != "browser" or at < last_seen_at + timedelta(seconds=idle_seconds)
