"""What can go wrong with asking for a transcription."""

from __future__ import annotations

from opentranscribe.kit.errors import ConflictError


class NothingToRetryError(ConflictError):
    code = "nothing_to_retry"


class NotTranscribedError(ConflictError):
    """Voices can only be told apart anew when there is a transcript."""

    code = "not_transcribed"
