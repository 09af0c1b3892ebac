"""The root of every error this program raises on purpose.

AppError
├── NotFoundError         it does not exist, or this caller may not know that it does
├── ForbiddenError        it exists and the caller may know, but not do this
├── UnauthenticatedError  nobody has signed in, or the proof of it is not valid
├── ConflictError         the request is sound but the state of things is against it
├── InvalidError          the request itself makes no sense
├── LimitedError          too much, too fast, too large
├── UnavailableError      something we depend on is not answering; trying again may help
└── UnsupportedError      understood, but not something this installation can do

Each edge translates ``kind`` once: HTTP to a status (``edge/problem.py``), the command line to an
exit code, a worker to retry or fail. Features subclass with nouns (``SpeakerNotFoundError``).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

Kind = Literal[
    "not_found",
    "forbidden",
    "unauthenticated",
    "conflict",
    "invalid",
    "limited",
    "unavailable",
    "unsupported",
]


class AppError(Exception):
    """A failure with a sentence for people, a code for programs and fields for logs.

    ``transient`` tells a worker whether the same call may succeed later; ``outage`` that it will as
    soon as something that everybody uses is back, however long that takes.
    """

    kind: ClassVar[Kind] = "invalid"
    code: ClassVar[str] = "error"
    transient: ClassVar[bool] = False
    outage: ClassVar[bool] = False

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class NotFoundError(AppError):
    kind = "not_found"
    code = "not_found"


class ForbiddenError(AppError):
    kind = "forbidden"
    code = "forbidden"


class UnauthenticatedError(AppError):
    kind = "unauthenticated"
    code = "unauthenticated"


class ConflictError(AppError):
    kind = "conflict"
    code = "conflict"


class InvalidError(AppError):
    kind = "invalid"
    code = "invalid"


class LimitedError(AppError):
    """``retry_after_seconds`` may be given as a field; the HTTP edge turns it into a header."""

    kind = "limited"
    code = "limited"


class UnavailableError(AppError):
    kind = "unavailable"
    code = "unavailable"
    transient = True


class UnsupportedError(AppError):
    kind = "unsupported"
    code = "unsupported"
