"""Dependencies a route declares: who may call it, its transaction, the ports it uses.

Every route names exactly one of ``SignedIn``, ``AdminOnly`` or ``public``; a test fails on a route
that names none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request

from opentranscribe.edge.csrf import require_intent
from opentranscribe.edge.slots import work_slot
from opentranscribe.edge.state import Caller, EdgeState, edge_state
from opentranscribe.kit.errors import ForbiddenError
from opentranscribe.kit.log_context import add_to_log
from opentranscribe.kit.options import Options
from opentranscribe.ports import Ports
from opentranscribe.work import SYSTEM, Work

EdgeDep = Annotated[EdgeState, Depends(edge_state)]

#: What somebody may do who must first choose a password of their own.
BEFORE_PASSWORD_CHANGE = ("/api/auth/", "/api/users/me")


class PasswordChangeRequiredError(ForbiddenError):
    code = "password_change_required"


def public() -> None:
    """Marks a route that anybody may call: ``dependencies=[Depends(public)]``."""


def signed_in(request: Request, edge: EdgeDep) -> Caller:
    caller = edge.authenticate(request)
    add_to_log(user=caller.user_uuid)
    require_intent(request, caller)
    if caller.must_change_password and not request.url.path.startswith(BEFORE_PASSWORD_CHANGE):
        raise PasswordChangeRequiredError(
            "An administrator has set your password. Choose one of your own first."
        )
    return caller


SignedIn = Annotated[Caller, Depends(signed_in)]


def admin_only(caller: SignedIn) -> Caller:
    if not caller.is_admin:
        raise ForbiddenError("Only an administrator may do this.")
    return caller


AdminOnly = Annotated[Caller, Depends(admin_only)]


Slot = Depends(work_slot, scope="function")


def caller_work(caller: SignedIn, edge: EdgeDep, _slot: Annotated[None, Slot]) -> Iterator[Work]:
    with edge.work(caller.actor) as work:
        yield work


def system_work(edge: EdgeDep, _slot: Annotated[None, Slot]) -> Iterator[Work]:
    """For public routes that must look things up (sign-in, set-up): acts as the system."""
    with edge.work(SYSTEM) as work:
        yield work


def ports(edge: EdgeDep) -> Ports:
    return edge.ports


def options(edge: EdgeDep) -> Options:
    return edge.options


def client_address(request: Request) -> str:
    """The caller's address; the server has already put a trusted proxy's word in its place."""
    return request.client.host if request.client else "unknown"


def limit_sign_in(request: Request, edge: EdgeDep) -> None:
    """Raises TooManyRequestsError when this address asks for too many password checks."""
    edge.sign_in_limit.spend(client_address(request))


#: Committed before the response is sent, so that a client that saw 2xx can rely on it.
WorkDep = Annotated[Work, Depends(caller_work, scope="function")]
SystemWorkDep = Annotated[Work, Depends(system_work, scope="function")]
PortsDep = Annotated[Ports, Depends(ports)]
OptionsDep = Annotated[Options, Depends(options)]
