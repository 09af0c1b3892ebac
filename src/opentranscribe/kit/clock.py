"""The time, always aware and always UTC; the one place tests replace to move it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)
