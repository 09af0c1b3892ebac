"""Notices within one process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

from opentranscribe.ports.notices import Notice

Subscriber = tuple[asyncio.AbstractEventLoop, asyncio.Queue[Notice]]


class MemoryNotices:
    """``published`` keeps what was said, for those who look afterwards."""

    def __init__(self) -> None:
        self.published: list[Notice] = []
        self._subscribers: list[Subscriber] = []
        self._lock = threading.Lock()

    def publish(self, notice: Notice) -> None:
        with self._lock:
            self.published.append(notice)
            subscribers = list(self._subscribers)
        for loop, queue in subscribers:
            if not loop.is_closed():
                loop.call_soon_threadsafe(queue.put_nowait, notice)

    def subscribe(self) -> AsyncIterator[Notice]:
        subscriber: Subscriber = (asyncio.get_running_loop(), asyncio.Queue())
        with self._lock:
            self._subscribers.append(subscriber)
        return self._iterate(subscriber)

    async def _iterate(self, subscriber: Subscriber) -> AsyncIterator[Notice]:
        try:
            while True:
                yield await subscriber[1].get()
        finally:
            with self._lock:
                self._subscribers.remove(subscriber)
