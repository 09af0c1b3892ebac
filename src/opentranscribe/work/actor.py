"""Who is acting: a signed-in person, or the system itself in jobs and at start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """``user_id`` is None for the system, which may see and do everything."""

    user_id: int | None
    is_admin: bool = False

    @property
    def is_system(self) -> bool:
        return self.user_id is None


SYSTEM = Actor(user_id=None, is_admin=True)
