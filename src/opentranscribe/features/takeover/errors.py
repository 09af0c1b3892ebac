"""Why an installation could not be taken over. Nothing of the live one was changed by then."""

from __future__ import annotations

from opentranscribe.kit.errors import ConflictError, InvalidError, UnavailableError


class DumpUnsuitableError(InvalidError):
    """No dump, one of something else, or one that would do more than fill a database."""

    code = "dump_unsuitable"


class DumpDamagedError(InvalidError):
    """Cut off or changed on its way."""

    code = "dump_damaged"


class TakeoverFailedError(UnavailableError):
    code = "takeover_failed"


class TakeoverRunningError(ConflictError):
    code = "takeover_running"


class KeyMissingError(ConflictError):
    """Stored secrets that the given key does not open."""

    code = "earlier_key"
