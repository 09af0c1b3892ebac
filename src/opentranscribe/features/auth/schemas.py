"""Signing in on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from opentranscribe.features.accounts.schemas import Email, FullName, Password


class SetupState(BaseModel):
    needed: bool


class SetupRequest(BaseModel):
    """``token`` is the one that ``opentr start`` prints."""

    token: str = Field(max_length=500, repr=False)
    email: Email
    password: Password = Field(repr=False)
    full_name: FullName | None = None


class TokenOut(BaseModel):
    """OAuth 2 names, so that standard clients understand it. ``expires_in`` in seconds."""

    access_token: str = Field(repr=False)
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the name of the kind
    expires_in: int


class SessionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    uuid: UUID
    kind: str
    user_agent: str | None
    ip_address: str | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    is_current: bool = False


class MethodsOut(BaseModel):
    """What the sign-in page should offer; further methods join this list."""

    methods: list[str]
    registration_enabled: bool = False
    mfa_enabled: bool = False
    mfa_required: bool = False
    ldap_enabled: bool = False
    keycloak_enabled: bool = False
    pki_enabled: bool = False
    login_banner_enabled: bool = False


class Done(BaseModel):
    message: str
