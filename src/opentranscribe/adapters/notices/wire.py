"""A notice as the JSON text that travels between processes."""

from __future__ import annotations

import json
import logging

from opentranscribe.ports.notices import Notice

log = logging.getLogger(__name__)


def to_text(notice: Notice, limit_bytes: int) -> str | None:
    """None for one that is not JSON or longer than ``limit_bytes``: losing one is harmless."""
    try:
        payload = json.dumps(
            {"type": notice.type, "data": notice.data, "user_id": notice.user_id},
            separators=(",", ":"),
        )
    except (TypeError, ValueError):
        log.exception("notice %s is not JSON and was dropped", notice.type)
        return None
    if len(payload.encode()) > limit_bytes:
        log.warning("notice %s of %d bytes is too long", notice.type, len(payload))
        return None
    return payload


def from_text(payload: str | bytes) -> Notice | None:
    """None for what another program said on our channel."""
    try:
        said = json.loads(payload)
        return Notice(type=str(said["type"]), data=dict(said["data"]), user_id=said["user_id"])
    except (ValueError, TypeError, KeyError):
        log.warning("an unreadable notice was dropped")
        return None
