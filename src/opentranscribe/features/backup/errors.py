"""What can be wrong with a backup, and with restoring one."""

from __future__ import annotations

from opentranscribe.kit.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)


class BackupNotFoundError(NotFoundError):
    code = "backup_not_found"


class NotInBackupError(NotFoundError):
    """The backup is good, but does not have that recording or account."""

    code = "not_in_backup"


class BackupFailedError(UnavailableError):
    """It could not be made; nothing that looks like a backup was left behind."""

    code = "backup_failed"


class BackupRunningError(ConflictError):
    """Another backup or restore is at work in the same folder."""

    code = "backup_running"


class BackupNeededError(ConflictError):
    """The last good one, or one that an update may still be put back from."""

    code = "backup_needed"


class BackupDamagedError(InvalidError):
    """Its bytes are not those that were written."""

    code = "backup_damaged"


class BackupUnsuitableError(InvalidError):
    """Whole, but not for this release or not a backup of this program at all."""

    code = "backup_unsuitable"


class WrongRecoveryKeyError(ForbiddenError):
    code = "wrong_recovery_key"


class RestoreFailedError(UnavailableError):
    """The live data were not touched."""

    code = "restore_failed"


class NothingToUndoError(ConflictError):
    code = "nothing_to_undo"
