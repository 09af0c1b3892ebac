"""The two cookies of a signed-in browser: one only the server reads, one the page reads."""

from __future__ import annotations

from starlette.responses import Response

from opentranscribe.edge.csrf import COOKIE as CSRF_COOKIE

SESSION_COOKIE = "opentr_session"


def set_session_cookies(
    response: Response, token: str, csrf_token: str, *, max_age_seconds: int, secure: bool
) -> None:
    for name, value, hidden in ((SESSION_COOKIE, token, True), (CSRF_COOKIE, csrf_token, False)):
        response.set_cookie(
            name,
            value,
            max_age=max_age_seconds,
            path="/",
            httponly=hidden,
            secure=secure,
            samesite="lax",
        )


def clear_session_cookies(response: Response) -> None:
    for name in (SESSION_COOKIE, CSRF_COOKIE):
        response.delete_cookie(name, path="/", samesite="lax")
