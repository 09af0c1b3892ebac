"""HTTP for accounts."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, status

from opentranscribe.edge.deps import AdminOnly, EdgeDep, PortsDep, SignedIn, WorkDep
from opentranscribe.features.accounts.own_account import OwnAccountService
from opentranscribe.features.accounts.schemas import (
    NewUser,
    OwnChange,
    PasswordReset,
    UserChange,
    UserOut,
)
from opentranscribe.features.accounts.service import AccountService

router = APIRouter(tags=["accounts"])

Limit = Annotated[int, Query(ge=1, le=200)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]


@router.get("/users")
def list_users(
    caller: AdminOnly, work: WorkDep, limit: Limit = 100, offset: Offset = 0
) -> list[UserOut]:
    return [UserOut.of(user) for user in AccountService(work).list(limit, offset)]


@router.get("/users/me")
def read_own(caller: SignedIn, work: WorkDep) -> UserOut:
    return UserOut.of(AccountService(work).get(UUID(caller.user_uuid)))


@router.put("/users/me")
def change_own(caller: SignedIn, edge: EdgeDep, change: OwnChange) -> UserOut:
    """A new e-mail address or password needs ``current_password``."""
    service = OwnAccountService(edge.work, edge.options, UUID(caller.user_uuid))
    return UserOut.of(service.change(caller.session_id, **change.model_dump()))


@router.get("/users/{user_uuid}")
def read_user(caller: AdminOnly, work: WorkDep, user_uuid: UUID) -> UserOut:
    return UserOut.of(AccountService(work).get(user_uuid))


@router.put("/users/{user_uuid}")
def change_user(caller: AdminOnly, work: WorkDep, user_uuid: UUID, change: UserChange) -> UserOut:
    user = AccountService(work).change(user_uuid, **change.model_dump())
    work.session.refresh(user)
    return UserOut.of(user)


@router.delete("/users/{user_uuid}", status_code=status.HTTP_204_NO_CONTENT)
def delete_user(
    caller: AdminOnly, work: WorkDep, ports: PortsDep, user_uuid: UUID, delete_files: bool = False
) -> None:
    """Refused with the number of recordings unless ``delete_files`` says that they go too."""
    service = AccountService(work)
    service.delete(user_uuid, delete_files=delete_files, delete_object=ports.objects.delete)


@router.get("/admin/users")
def administer_users(
    caller: AdminOnly, work: WorkDep, limit: Limit = 200, offset: Offset = 0
) -> list[UserOut]:
    return [UserOut.of(user) for user in AccountService(work).list(limit, offset)]


@router.post("/admin/users", status_code=status.HTTP_201_CREATED)
def create_user(caller: AdminOnly, work: WorkDep, new: NewUser) -> UserOut:
    return UserOut.of(AccountService(work).create(**new.model_dump()))


@router.delete("/admin/users/{user_uuid}", status_code=status.HTTP_204_NO_CONTENT)
def remove_user(
    caller: AdminOnly, work: WorkDep, ports: PortsDep, user_uuid: UUID, delete_files: bool = False
) -> None:
    """The same as ``DELETE /users/{user_uuid}``."""
    service = AccountService(work)
    service.delete(user_uuid, delete_files=delete_files, delete_object=ports.objects.delete)


@router.post("/admin/users/{user_uuid}/reset-password")
def reset_password(
    caller: AdminOnly, work: WorkDep, user_uuid: UUID, reset: PasswordReset
) -> UserOut:
    """Signs the person out everywhere."""
    service = AccountService(work)
    user = service.reset_password(user_uuid, reset.new_password, must_change=reset.must_change)
    work.session.flush()
    work.session.refresh(user)
    return UserOut.of(user)


@router.post("/admin/users/{user_uuid}/unlock")
def unlock_user(caller: AdminOnly, work: WorkDep, user_uuid: UUID) -> UserOut:
    """Forgets wrong passwords, so that the person may try again now."""
    return UserOut.of(AccountService(work).unlock(user_uuid))
