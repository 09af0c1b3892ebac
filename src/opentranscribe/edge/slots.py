"""How many requests may be inside a transaction at once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
from anyio.lowlevel import RunVar

#: A request that waits for a row lock holds a thread; the one it waits for needs a thread of its
#: own to finish. So fewer may begin than there are threads (and connections to the database).
SLOTS = 16
THREADS = 40

_slots: RunVar[anyio.CapacityLimiter] = RunVar("opentranscribe_slots")


async def work_slot() -> AsyncIterator[None]:
    """Held from before the transaction begins until it is committed or rolled back."""
    limiter = _slots.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(SLOTS)
        _slots.set(limiter)
    # Borrowed for an object of our own: dependencies may be left in another task.
    borrower = object()
    await limiter.acquire_on_behalf_of(borrower)
    try:
        yield
    finally:
        limiter.release_on_behalf_of(borrower)
