"""What can be wrong with an edit."""

from __future__ import annotations

from opentranscribe.kit.errors import ConflictError, NotFoundError


class SegmentNotFoundError(NotFoundError):
    code = "segment_not_found"


class SpeakerNotFoundError(NotFoundError):
    code = "speaker_not_found"


class EditNotFoundError(NotFoundError):
    code = "edit_not_found"


class EditConflictError(ConflictError):
    """Somebody changed the same thing since; nothing was overwritten."""

    code = "edit_conflict"


class EditOutdatedError(ConflictError):
    """What the change was made to is gone: the recording was transcribed again since."""

    code = "edit_outdated"
