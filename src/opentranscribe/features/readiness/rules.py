"""From the answers of the parts to one word for the whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Status = Literal["healthy", "degraded", "unhealthy"]

#: Without these nobody can read or bring anything.
VITAL = frozenset({"database", "objects"})


def overall(answers: Iterable[tuple[str, Status]]) -> Status:
    """``degraded`` when something is amiss but what is kept can still be read."""
    answers = list(answers)
    if any(status == "unhealthy" and name in VITAL for name, status in answers):
        return "unhealthy"
    if any(status != "healthy" for _, status in answers):
        return "degraded"
    return "healthy"
