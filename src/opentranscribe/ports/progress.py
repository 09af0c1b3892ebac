"""How long work reports how far it is and learns that nobody wants it any more."""

from __future__ import annotations

from collections.abc import Callable

#: Called with the finished fraction in [0, 1]. It may raise :class:`Cancelled`, which the engine
#: lets through after releasing what it holds; engines call it at least every two seconds of work.
Progress = Callable[[float], None]


class Cancelled(Exception):  # noqa: N818 - a request that was heard, not an error
    """Raised out of a progress call when the work is no longer wanted."""


def ignore_progress(_fraction: float) -> None:
    """For callers that do not watch."""
