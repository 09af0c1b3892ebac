"""How often one address may ask: a token bucket for each, in this process."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from opentranscribe.kit.errors import LimitedError


class TooManyRequestsError(LimitedError):
    code = "too_many_requests"


class RateLimit:
    """``burst`` at once, then ``per_second``. Guesses against one account are counted elsewhere,
    and harder; this keeps one address from spending the processor on password hashes."""

    def __init__(
        self,
        burst: int = 300,
        per_second: float = 5.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        addresses: int = 20_000,
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        self._addresses = addresses
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, address: str) -> None:
        """Raises TooManyRequestsError with ``retry_after_seconds``."""
        key = _network(address)
        now = self._clock()
        with self._lock:
            tokens, since = self._buckets.pop(key, (float(self._burst), now))
            tokens = min(float(self._burst), tokens + (now - since) * self._per_second)
            allowed = tokens >= 1.0
            self._buckets[key] = (tokens - 1.0 if allowed else tokens, now)
            while len(self._buckets) > self._addresses:
                self._buckets.popitem(last=False)
        if not allowed:
            wait = max(1, round((1.0 - tokens) / self._per_second + 0.5))
            raise TooManyRequestsError(
                f"Too many tries from this address. Wait {wait} s and try again.",
                retry_after_seconds=wait,
            )


def _network(address: str) -> str:
    """One household has a whole /64 of IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:
        return str(ip)
    return str(ipaddress.ip_network((ip, 64), strict=False))
