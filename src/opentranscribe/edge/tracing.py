"""A span for each request, named by the route's pattern: never by what somebody typed."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opentranscribe.edge.measuring import METHODS, OTHER, pattern_of
from opentranscribe.edge.problem import request_id
from opentranscribe.kit.log_context import add_to_log
from opentranscribe.kit.trace_context import working_within
from opentranscribe.ports.tracing import Tracer

#: Asked every few seconds by who watches; a span of each would hide the others.
WATCHED = frozenset({"/livez", "/readyz", "/health", "/metrics", "/api/livez", "/api/health"})
SERVER_ERROR = 500


class Tracing:
    """Names of facts: https://opentelemetry.io/docs/specs/semconv/http/http-spans/"""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self.app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in WATCHED:
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else OTHER
        facts = {
            "http.request.method": method,
            "url.scheme": scope["scheme"],
            "opentranscribe.request_id": request_id(scope) or "",
        }
        given = Headers(scope=scope).get("traceparent")
        with self._tracer.span(method, facts, kind="server", parent=given) as span:
            add_to_log(trace_id=span.trace_id)

            async def send_noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    route, status = pattern_of(scope), int(message["status"])
                    span.name(f"{method} {route}")
                    span.note({"http.route": route, "http.response.status_code": status})
                    if status >= SERVER_ERROR:
                        span.fail(str(status))
                await send(message)

            with working_within(span.traceparent):
                await self.app(scope, receive, send_noted)
