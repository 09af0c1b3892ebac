"""Cross-site request forgery: a cookie alone proves nothing about who wanted the request."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.requests import Request

from opentranscribe.kit.errors import ForbiddenError

if TYPE_CHECKING:
    from opentranscribe.edge.state import Caller

COOKIE = "csrf_token"
HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CsrfError(ForbiddenError):
    code = "csrf"


def require_intent(request: Request, caller: Caller) -> None:
    """Double submit: cookie and header must agree on unsafe methods of cookie callers."""
    if not caller.by_cookie or request.method in SAFE_METHODS:
        return
    cookie = request.cookies.get(COOKIE, "")
    header = request.headers.get(HEADER, "")
    if not cookie or not secrets.compare_digest(cookie.encode(), header.encode()):
        raise CsrfError(
            "This request did not come from the page. Reload the page and try again; nothing was changed."
        )
