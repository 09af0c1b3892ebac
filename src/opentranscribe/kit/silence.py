"""A server that did not answer in time is not asked again until it does: one waits, not everybody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: How often it is asked whether it is there again.
LOOK_SECONDS = 1.0


class Silence:
    """Towards one server, which ``answers`` asks, in one process."""

    def __init__(self, answers: Callable[[], bool]) -> None:
        self._answers = answers
        self._is_kept = False
        self._lock = threading.Lock()

    def begin(self) -> None:
        with self._lock:
            if self._is_kept:
                return
            self._is_kept = True
        threading.Thread(target=self._keep, name="silence", daemon=True).start()

    def is_kept(self) -> bool:
        return self._is_kept

    def _keep(self) -> None:
        while not self._answers():
            time.sleep(LOOK_SECONDS)
        self._is_kept = False
