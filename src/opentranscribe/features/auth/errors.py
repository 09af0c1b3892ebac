"""Why somebody is not let in. Deliberately few: an answer must not tell what exists."""

from __future__ import annotations

from opentranscribe.kit.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    UnauthenticatedError,
)


class CredentialsError(UnauthenticatedError):
    code = "credentials"


class SessionInvalidError(UnauthenticatedError):
    code = "session_invalid"


class SetupClosedError(ConflictError):
    code = "setup_closed"


class SetupTokenError(ForbiddenError):
    code = "setup_token"


class SessionNotFoundError(NotFoundError):
    code = "session_not_found"
