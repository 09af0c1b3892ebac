"""HTTP for signing in and for the first start."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response, status

from opentranscribe.edge.cookies import clear_session_cookies, set_session_cookies
from opentranscribe.edge.deps import (
    EdgeDep,
    OptionsDep,
    PortsDep,
    SignedIn,
    SystemWorkDep,
    WorkDep,
    client_address,
    limit_sign_in,
    public,
)
from opentranscribe.edge.state import EdgeState
from opentranscribe.features.accounts.rules import MAX_LENGTH, MIN_LENGTH
from opentranscribe.features.accounts.schemas import PasswordPolicy, UserOut
from opentranscribe.features.accounts.service import AccountService
from opentranscribe.features.auth.rules import Kind, OpenedSession
from opentranscribe.features.auth.schemas import (
    Done,
    MethodsOut,
    SessionOut,
    SetupRequest,
    SetupState,
    TokenOut,
)
from opentranscribe.features.auth.service import SignInService
from opentranscribe.features.auth.sessions import Device, SessionService
from opentranscribe.features.auth.setup import SetupService
from opentranscribe.ports.identity import Credentials

router = APIRouter(tags=["auth"])

Public = Depends(public)
Limited = Depends(limit_sign_in)
Typed = Annotated[str, Form(max_length=4096)]


def device(request: Request) -> Device:
    return Device(request.headers.get("user-agent"), client_address(request))


DeviceDep = Annotated[Device, Depends(device)]


@router.get("/setup", dependencies=[Public])
def read_setup(work: SystemWorkDep, options: OptionsDep) -> SetupState:
    """Whether the first administrator is still to be made."""
    return SetupState(needed=SetupService(work, options).is_needed())


@router.post("/setup", status_code=status.HTTP_201_CREATED, dependencies=[Public, Limited])
def set_up(
    request: Request,
    response: Response,
    work: SystemWorkDep,
    options: OptionsDep,
    *,
    wish: SetupRequest,
    origin: DeviceDep,
) -> UserOut:
    """Makes the first administrator and signs them in; 409 for good once there is one."""
    service = SetupService(work, options)
    user, opened = service.set_up(wish.token, wish.email, wish.password, wish.full_name, origin)
    _set_cookies(response, request, options.cookie_secure, opened)
    return UserOut.of(user)


@router.post("/auth/login", dependencies=[Public, Limited])
def sign_in(
    request: Request,
    response: Response,
    edge: EdgeDep,
    origin: DeviceDep,
    *,
    username: Typed,
    password: Typed,
) -> TokenOut:
    """For browsers: sets the session cookie and the CSRF cookie."""
    opened = _sign_in(edge, Credentials(username, password), "browser", origin)
    _set_cookies(response, request, edge.options.cookie_secure, opened)
    return TokenOut(access_token=opened.token, expires_in=opened.expires_in_seconds)


@router.post("/auth/token", dependencies=[Public, Limited])
def issue_token(edge: EdgeDep, origin: DeviceDep, username: Typed, password: Typed) -> TokenOut:
    """For scripts: a bearer token, no cookies."""
    opened = _sign_in(edge, Credentials(username, password), "bearer", origin)
    return TokenOut(access_token=opened.token, expires_in=opened.expires_in_seconds)


@router.get("/auth/me")
def read_me(caller: SignedIn, work: WorkDep) -> UserOut:
    return UserOut.of(AccountService(work).get(UUID(caller.user_uuid)))


@router.post("/auth/logout")
def sign_out(caller: SignedIn, work: WorkDep, options: OptionsDep, response: Response) -> Done:
    SessionService(work, options).close(caller.user_id, caller.session_id)
    clear_session_cookies(response)
    return Done(message="You are signed out.")


@router.post("/auth/logout/all")
def sign_out_everywhere(caller: SignedIn, work: WorkDep, response: Response) -> Done:
    accounts = AccountService(work)
    accounts.sign_out(accounts.get(UUID(caller.user_uuid)))
    clear_session_cookies(response)
    return Done(message="You are signed out everywhere.")


@router.get("/auth/sessions")
def list_sessions(caller: SignedIn, work: WorkDep, options: OptionsDep) -> list[SessionOut]:
    """Where the caller is signed in, the last used first; at most 100."""
    found = SessionService(work, options).list(caller.user_id)
    return [
        SessionOut.model_validate(one).model_copy(
            update={"is_current": one.id == caller.session_id}
        )
        for one in found
    ]


@router.delete("/auth/sessions/{session_uuid}", status_code=status.HTTP_204_NO_CONTENT)
def close_session(caller: SignedIn, work: WorkDep, options: OptionsDep, session_uuid: UUID) -> None:
    SessionService(work, options).close_other(caller.user_id, session_uuid)


@router.get("/auth/methods", dependencies=[Public])
def list_methods(ports: PortsDep) -> MethodsOut:
    return MethodsOut(methods=[ports.identity.method])


@router.get("/auth/password-policy", dependencies=[Public])
def read_password_policy() -> PasswordPolicy:
    return PasswordPolicy(min_length=MIN_LENGTH, max_length=MAX_LENGTH)


def _sign_in(
    edge: EdgeState, credentials: Credentials, kind: Kind, origin: Device
) -> OpenedSession:
    service = SignInService(edge.work, edge.ports.identity, edge.options)
    return service.sign_in(credentials, kind, origin)


def _set_cookies(response: Response, request: Request, secure: bool, opened: OpenedSession) -> None:
    set_session_cookies(
        response,
        opened.token,
        opened.csrf_token,
        max_age_seconds=opened.expires_in_seconds,
        secure=secure or request.url.scheme == "https",
    )
