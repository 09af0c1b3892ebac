"""The outermost layer: a name for each request, headers for each answer, the last resort."""

from __future__ import annotations

import logging
import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opentranscribe.edge.problem import problem
from opentranscribe.kit.log_context import logging_about

log = logging.getLogger(__name__)

HEADER = "X-Request-Id"
GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
}
#: For answers that are no page of ours: nothing in them may run or be framed. Media and images
#: that are opened by themselves still show.
INERT_POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; frame-ancestors 'none'"


class RequestScope:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        name = given if GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = name
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add_headers(MutableHeaders(scope=message), name, scope["path"])
            await send(message)

        with logging_about(request_id=name):
            try:
                await self.app(scope, receive, send_with_headers)
            except Exception:
                log.exception("request %s failed: %s %s", name, scope["method"], scope["path"])
                if started:
                    raise
                detail = (
                    "Something went wrong on our side; it has been logged. If it happens again, "
                    f"tell your administrator the request id {name}."
                )
                answer = problem(scope, 500, "internal", detail)
                await answer(scope, receive, send_with_headers)


def _add_headers(headers: MutableHeaders, name: str, path: str) -> None:
    headers[HEADER] = name
    for header, value in SECURITY_HEADERS.items():
        headers.setdefault(header, value)
    headers.setdefault("Content-Security-Policy", INERT_POLICY)
    if path.startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
