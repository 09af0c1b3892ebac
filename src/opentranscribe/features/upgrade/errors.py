"""What can end an update, as sentences for the person who began it."""

from __future__ import annotations

from opentranscribe.kit.errors import ConflictError, InvalidError, UnavailableError


class UpdateRefusedError(InvalidError):
    """Before anything was changed."""

    code = "update_refused"


class UpdateFailedError(UnavailableError):
    """Something went wrong; ``message`` says what state the installation is in."""

    code = "update_failed"


class UpdateUnderWayError(ConflictError):
    code = "update_under_way"


class NothingToRollBackError(ConflictError):
    code = "nothing_to_roll_back"
