"""Cross-site request forgery: a cookie alone proves nothing about who wanted the request."""

from __future__ import annotations

import hashlib
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
    """The header must carry the token that was made with the caller's session.

    Stronger than comparing cookie and header: whoever can plant a cookie still knows no token.
    """
    if not caller.by_cookie or request.method in SAFE_METHODS:
        return
    given = hashlib.sha256(request.headers.get(HEADER, "").encode()).hexdigest()
    if caller.csrf_hash is None or not secrets.compare_digest(given, caller.csrf_hash):
        raise CsrfError(
            "This request did not come from the page. Reload the page and try again; "
            "nothing was changed."
        )
