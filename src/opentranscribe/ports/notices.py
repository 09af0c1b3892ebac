"""Live notices to people's open pages, across processes. Losing one is harmless."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Notice:
    """``user_id`` None is for everybody who is signed in. ``data`` is JSON, under 7 kB."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    user_id: int | None = None


class Notices(Protocol):
    def publish(self, notice: Notice) -> None:
        """Best effort, after commit; never raises."""
        ...

    def subscribe(self) -> AsyncIterator[Notice]:
        """Everything published by any process from now on. Reconnects by itself."""
        ...
