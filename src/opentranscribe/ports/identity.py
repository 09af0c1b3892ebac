"""Who somebody is, as told by a password, a directory or an issuer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from opentranscribe.kit.errors import UnavailableError


class IdentityUnavailableError(UnavailableError):
    """The source of identities is not answering."""

    code = "identity_unavailable"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What was typed into the form; ``repr`` keeps the password out of logs."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """``subject`` is what never changes about a person at this source: the public id of a local
    user, the entryUUID of a directory, ``sub`` of an issuer. ``rehashed`` is set when the kept
    password hash should be replaced by this newer one."""

    method: str
    subject: str
    email: str
    full_name: str | None = None
    groups: tuple[str, ...] = ()
    rehashed: str | None = field(default=None, repr=False)


class Identity(Protocol):
    """A source that checks credentials at once. Counting guesses and mapping to users is the
    caller's, so that it is done once for all sources."""

    @property
    def method(self) -> str:
        """The name as in ``GET /auth/methods``: ``local``, ``ldap``, …"""
        ...

    def authenticate(self, credentials: Credentials) -> ExternalIdentity | None:
        """None when these are not the credentials of anybody who may sign in; takes the same time
        for an unknown name as for a wrong password. Raises IdentityUnavailableError."""
        ...

    def ping(self) -> None: ...
