"""An object that is made when it is first used."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Lazy:
    """Stands for what ``build`` makes; threads that need it first at once make it once.

    ``is_built`` lets an owner clean up without bringing to life what nobody used.
    """

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._made: Any = None

    @property
    def is_built(self) -> bool:
        return self._made is not None

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._build()
        return getattr(self._made, name)
