"""What the running HTTP application carries and every dependency draws from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request

from opentranscribe.edge.limits import RateLimit
from opentranscribe.kit.options import Options
from opentranscribe.ports import Ports
from opentranscribe.work import Actor, WorkFactory


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in person as the routes see them.

    ``by_cookie`` callers must prove intent with a CSRF token on unsafe methods; ``csrf_hash`` is
    the SHA-256 of the token that belongs to their session.
    """

    user_id: int
    user_uuid: str
    email: str
    role: str
    session_id: int
    by_cookie: bool
    must_change_password: bool = False
    csrf_hash: str | None = None

    @property
    def is_admin(self) -> bool:
        return self.role in {"admin", "super_admin"}

    @property
    def actor(self) -> Actor:
        return Actor(user_id=self.user_id, is_admin=self.is_admin)


@dataclass(frozen=True)
class EdgeState:
    """Lives in ``app.state.edge``; built by the HTTP entry point.

    ``authenticate`` returns the caller of a request or raises UnauthenticatedError;
    ``sign_in_limit`` is what one address may ask of the routes that check passwords.
    """

    ports: Ports
    work: WorkFactory
    options: Options
    authenticate: Callable[[Request], Caller]
    sign_in_limit: RateLimit = field(default_factory=RateLimit)


def edge_state(request: Request) -> EdgeState:
    state: EdgeState = request.app.state.edge
    return state
