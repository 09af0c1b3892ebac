"""Which pages may send requests that change something."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from opentranscribe.edge.csrf import SAFE_METHODS
from opentranscribe.edge.problem import problem_of
from opentranscribe.kit.errors import ForbiddenError


class ForeignOriginError(ForbiddenError):
    code = "foreign_origin"


def is_own_origin(origin: str, host: str, allowed: tuple[str, ...]) -> bool:
    """Whether a page of ``origin`` is ours: the same host and port as was asked, or listed.

    The scheme is not compared: behind a proxy that ends TLS we see http where the page says https.
    """
    if origin.rstrip("/").lower() in allowed:
        return True
    parts = urlsplit(origin)
    return parts.scheme in {"http", "https"} and bool(host) and parts.netloc.lower() == host.lower()


class OriginGuard:
    """Browsers name the page behind every unsafe request; foreign pages get 403 before anything
    else. Callers that bring a token of their own instead of a cookie are not bound to a page."""

    def __init__(self, app: ASGIApp, allowed: tuple[str, ...]) -> None:
        self.app = app
        self.allowed = tuple(origin.rstrip("/").lower() for origin in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_fine(scope):
            error = ForeignOriginError(
                "This request comes from another site and was refused; nothing was changed. If "
                "the page is yours, add its address to OPENTR_ALLOWED_ORIGINS."
            )
            await problem_of(scope, error)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_fine(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        if scope["method"] in SAFE_METHODS or "authorization" in headers:
            return True
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") in {"none", "same-origin", "same-site"}
        return is_own_origin(origin, headers.get("host", ""), self.allowed)
