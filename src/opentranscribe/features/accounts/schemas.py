"""Accounts on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from opentranscribe.schema.accounts import User

FullName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255)]
Email = Annotated[str, StringConstraints(max_length=320)]
#: Only bounds what is read; the rules say what is a good password.
Password = Annotated[str, StringConstraints(max_length=4096)]
Role = Literal["user", "admin"]


class UserOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    uuid: UUID
    email: str
    full_name: str | None
    role: str
    is_active: bool
    is_superuser: bool
    auth_type: str
    must_change_password: bool
    password_changed_at: datetime | None
    last_login_at: datetime | None
    account_expires_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, user: User) -> UserOut:
        return cls.model_validate(user)


class NewUser(BaseModel):
    email: Email
    password: Password = Field(repr=False)
    full_name: FullName | None = None
    role: Role = "user"
    is_active: bool = True
    must_change_password: bool = False


class UserChange(BaseModel):
    """By an administrator; what is absent stays."""

    email: Email | None = None
    full_name: FullName | None = None
    role: Role | None = None
    is_active: bool | None = None


class OwnChange(BaseModel):
    """A new e-mail address or password needs the current password."""

    email: Email | None = None
    full_name: FullName | None = None
    password: Password | None = Field(default=None, repr=False)
    current_password: Password | None = Field(default=None, repr=False)


class PasswordReset(BaseModel):
    new_password: Password = Field(repr=False)
    must_change: bool = True


class PasswordPolicy(BaseModel):
    """No rules about kinds of characters and no expiry, on purpose (NIST SP 800-63B-4)."""

    min_length: int
    max_length: int
    blocks_common: bool = True
    blocks_personal: bool = True
    requires_kinds: bool = False
    expires_days: int | None = None
