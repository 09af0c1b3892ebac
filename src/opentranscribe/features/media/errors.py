"""What can be wrong with an upload or a stored file.

http_status: the tus protocol prescribes some answers that the general mapping does not know.
"""

from __future__ import annotations

from opentranscribe.kit.errors import (
    ConflictError,
    InvalidError,
    LimitedError,
    NotFoundError,
    UnavailableError,
)


class UploadNotFoundError(NotFoundError):
    """The same answer for an upload that does not exist and one that is not yours."""

    code = "upload_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such upload, or it is not yours. Start the upload again.")


class UploadGoneError(NotFoundError):
    code = "upload_gone"

    def __init__(self) -> None:
        super().__init__(
            "This upload was not continued in time or was cancelled. Start it again.",
            http_status=410,
        )


class UploadTooLargeError(LimitedError):
    code = "upload_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"This file is larger than the limit of {limit_bytes / 1024**3:.3g} GB. Split it, or "
            "upload only its sound.",
            limit_bytes=limit_bytes,
            http_status=413,
        )


class UploadEmptyError(InvalidError):
    code = "media_empty"

    def __init__(self) -> None:
        super().__init__(
            "This file is empty (0 bytes). Check the original and upload it again.",
            http_status=422,
        )


class OffsetError(ConflictError):
    """``offset`` is where the upload really stands."""

    code = "upload_offset"

    def __init__(self, offset: int) -> None:
        super().__init__(f"The upload stands at byte {offset}; continue from there.", offset=offset)


class UploadBusyError(ConflictError):
    code = "upload_busy"

    def __init__(self) -> None:
        super().__init__("Another connection is sending this upload right now. Try again shortly.")


class ChecksumMismatchError(InvalidError):
    """460 is the number that the tus protocol chose for it."""

    code = "upload_checksum"

    def __init__(self, offset: int) -> None:
        super().__init__(
            "A part of the file was damaged on its way and was thrown away. Send it again.",
            offset=offset,
            http_status=460,
        )


class ChecksumAlgorithmError(InvalidError):
    code = "upload_checksum_algorithm"

    def __init__(self) -> None:
        super().__init__("The checksum must be sha256 or sha1, in Base64.", http_status=400)


class UploadHeaderError(InvalidError):
    """A header of the tus protocol is missing or makes no sense."""

    code = "upload_header"

    def __init__(self, message: str, http_status: int = 400) -> None:
        super().__init__(message, http_status=http_status)


class UploadDamagedError(InvalidError):
    """The whole did not have the SHA-256 that was announced."""

    code = "upload_damaged"

    def __init__(self) -> None:
        super().__init__(
            "The file that arrived is not the file that was sent: its checksum differs. Nothing "
            "was stored; upload it again.",
            http_status=422,
        )


class UploadStorageFullError(UnavailableError):
    code = "storage_full"

    def __init__(self, offset: int | None = None) -> None:
        fields = {} if offset is None else {"offset": offset}
        super().__init__(
            "The disk of the server is full. What has arrived is kept; ask your administrator to "
            "free some space, then continue.",
            http_status=507,
            **fields,
        )


class NoFileFieldError(InvalidError):
    code = "no_file"

    def __init__(self) -> None:
        super().__init__("The request holds no file: send it as the form field “file”.")


class PictureNotFoundError(NotFoundError):
    code = "no_thumbnail"

    def __init__(self) -> None:
        super().__init__("This recording has no preview picture.")


class WaveformNotReadyError(NotFoundError):
    code = "waveform_not_ready"

    def __init__(self) -> None:
        super().__init__("The waveform is made while the recording is read; it is not there yet.")


class CopyDiffersError(ConflictError):
    code = "copy_differs"


class NotMovedError(ConflictError):
    code = "not_moved"
