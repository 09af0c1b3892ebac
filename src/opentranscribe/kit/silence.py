"""A server that did not answer in time is not asked again for a moment: one waits, not everybody."""

from __future__ import annotations

import time


class Silence:
    """Of one server, towards which one process is silent for ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = 0.0

    def begin(self) -> None:
        self._until = time.monotonic() + self._seconds

    def is_kept(self) -> bool:
        return time.monotonic() < self._until
