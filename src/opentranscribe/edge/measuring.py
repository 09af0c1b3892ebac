"""Counts requests and their time, by the route's pattern: never by what somebody typed."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Whatever is none of our routes or methods.
OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
PREFIX = "/api"
BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Measuring:
    """Seconds are until the answer begins: media play for hours."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self.app = app
        self._requests = Counter(
            "opentranscribe_http_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "opentranscribe_http_request_seconds",
            "Until the answer began",
            ("method", "route"),
            buckets=BUCKETS,
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = pattern_of(scope)
                method = scope["method"] if scope["method"] in METHODS else OTHER
                self._requests.labels(method, route, str(message["status"])).inc()
                self._seconds.labels(method, route).observe(time.perf_counter() - began)
            await send(message)

        await self.app(scope, receive, send_counted)


def pattern_of(scope: Scope) -> str:
    """A route knows its path without the prefix that it was included with."""
    path: str | None = getattr(scope.get("route"), "path", None)
    if path is None:
        return OTHER
    is_below = scope["path"].startswith(f"{PREFIX}/") and not path.startswith(f"{PREFIX}/")
    return PREFIX + path if is_below else path
