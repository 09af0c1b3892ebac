"""What can be wrong with an account."""

from __future__ import annotations

from opentranscribe.kit.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError


class UserNotFoundError(NotFoundError):
    code = "user_not_found"


class EmailTakenError(ConflictError):
    code = "email_taken"


class LastAdministratorError(ConflictError):
    code = "last_administrator"


class UserHasFilesError(ConflictError):
    """``file_count`` is given as a field."""

    code = "user_has_files"


class WeakPasswordError(InvalidError):
    code = "weak_password"


class EmailError(InvalidError):
    code = "email"


class WrongPasswordError(ForbiddenError):
    """The current password, asked before a change, is not the right one."""

    code = "wrong_password"
