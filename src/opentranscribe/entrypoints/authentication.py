"""From a request, or the first words on a socket, to the person behind it."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from opentranscribe.edge.cookies import SESSION_COOKIE
from opentranscribe.edge.state import Caller
from opentranscribe.features.auth.errors import SessionInvalidError
from opentranscribe.features.auth.sessions import SessionService
from opentranscribe.kit.errors import UnauthenticatedError
from opentranscribe.kit.options import Options
from opentranscribe.work import SYSTEM, WorkFactory

LONGEST_TOKEN = 200


class Authenticator:
    def __init__(self, open_work: WorkFactory, options: Options) -> None:
        self._open_work = open_work
        self._options = options

    def of_request(self, request: HTTPConnection) -> Caller:
        """A bearer token counts before the cookie. Raises UnauthenticatedError."""
        header = request.headers.get("authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer":
                raise SessionInvalidError("Only bearer tokens are taken here.")
            return self.of_token(token.strip(), by_cookie=False)
        cookie = request.cookies.get(SESSION_COOKIE)
        if not cookie:
            raise UnauthenticatedError("Sign in first.")
        return self.of_token(cookie, by_cookie=True)

    def of_token(self, token: str, *, by_cookie: bool) -> Caller:
        """Raises SessionInvalidError."""
        if not token or len(token) > LONGEST_TOKEN:
            raise SessionInvalidError("That is not a token of this installation.")
        with self._open_work(SYSTEM) as work:
            session, user = SessionService(work, self._options).find(token)
            return Caller(
                user_id=user.id,
                user_uuid=str(user.uuid),
                email=user.email,
                role=user.role,
                session_id=session.id,
                by_cookie=by_cookie,
                must_change_password=user.must_change_password,
                csrf_hash=session.csrf_hash,
            )
