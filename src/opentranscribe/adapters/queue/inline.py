"""A queue inside one process, for tests, demonstrations and the command line."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy.orm import Session

from opentranscribe.adapters.queue.after_commit import send_after_commit
from opentranscribe.ports.queue import Envelope, Waiting


class InlineQueue:
    """Messages appear when the session that enqueued them commits, and vanish with a rollback."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._waiting: dict[str, list[tuple[int, int, str]]] = {}
        self._numbers = itertools.count()
        self._stopped = False

    def enqueue(self, session: Session, envelope: Envelope) -> None:
        send_after_commit(session, envelope, self._deliver)

    def work(
        self,
        queues: Sequence[str],
        handle: Callable[[str], None],
        *,
        concurrency: int = 1,
        waiting: Waiting | None = None,
    ) -> None:
        """Returns after :meth:`stop`; what runs is finished first."""
        with self._ready:
            self._stopped = False
        with ThreadPoolExecutor(concurrency) as pool:
            for running in [pool.submit(self._loop, queues, handle) for _ in range(concurrency)]:
                running.result()

    def stop(self) -> None:
        with self._ready:
            self._stopped = True
            self._ready.notify_all()

    def run_waiting(self, queues: Sequence[str], handle: Callable[[str], None]) -> int:
        """Deliver what waits now, in this thread; the number of messages delivered."""
        count = 0
        while (job_uuid := self._take(queues)) is not None:
            handle(job_uuid)
            count += 1
        return count

    def counts(self, session: Session) -> dict[str, int]:
        with self._ready:
            return dict(Counter({name: len(heap) for name, heap in self._waiting.items() if heap}))

    def ping(self) -> None:
        """Always there."""

    def _deliver(self, envelopes: Sequence[Envelope]) -> None:
        with self._ready:
            for envelope in envelopes:
                entry = (envelope.priority, next(self._numbers), envelope.job_uuid)
                heapq.heappush(self._waiting.setdefault(envelope.queue, []), entry)
            self._ready.notify_all()

    def _take(self, queues: Sequence[str]) -> str | None:
        with self._ready:
            heaps = [heap for name in queues if (heap := self._waiting.get(name))]
            return heapq.heappop(min(heaps))[2] if heaps else None

    def _loop(self, queues: Sequence[str], handle: Callable[[str], None]) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._stopped or self._has(queues))
                if self._stopped:
                    return
            job_uuid = self._take(queues)
            if job_uuid is not None:
                handle(job_uuid)

    def _has(self, queues: Sequence[str]) -> bool:
        return any(self._waiting.get(name) for name in queues)
