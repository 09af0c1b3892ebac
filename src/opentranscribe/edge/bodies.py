"""What may come in: sizes, and JSON that Python would take but nothing after it can keep."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opentranscribe.edge.csrf import SAFE_METHODS
from opentranscribe.edge.problem import problem_of
from opentranscribe.kit.errors import InvalidError, LimitedError

LIMIT_BYTES = 1024 * 1024
ARRIVES_WITHIN_SECONDS = 30.0
DEEPEST = 50
INT64 = 2**63
TARGET_LIMIT_BYTES = 8192
#: Recordings come this way; the routes stream and limit them themselves.
FORM_UPLOAD = ("/api/files", "multipart/form-data")
RESUMABLE_UPLOAD = ("/api/uploads", "application/offset+octet-stream")


class MalformedError(InvalidError):
    code = "malformed"


class TooLargeError(LimitedError):
    code = "too_large"


def check_json(body: bytes) -> None:
    """Raises MalformedError for what RFC 8259 readers disagree on: numbers that are not finite or
    above 64 bits, NUL and half surrogate pairs in strings, deep nesting, bytes that are no UTF-8.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
            parse_int=_small_int,
        )
    except RecursionError:
        raise MalformedError("The JSON is nested too deeply.") from None
    except ValueError:
        raise MalformedError("The body is not JSON.") from None
    _check_values(value)


def _check_values(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for one in level:
            if isinstance(one, str):
                _check_string(one)
            elif isinstance(one, dict):
                below += [*one.keys(), *one.values()]
            elif isinstance(one, list):
                below += one
        if not below:
            return
        level = below
    raise MalformedError("The JSON is nested too deeply.")


def _check_string(value: str) -> None:
    if "\0" in value:
        raise MalformedError("A text holds a NUL character.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedError("A text holds half a character (a lone surrogate).") from None


def _refuse_constant(_name: str) -> NoReturn:
    raise MalformedError("A number is not finite.")


def _finite_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise MalformedError("A number is too large.")
    return value


def _small_int(digits: str) -> int:
    if len(digits) > 20 or not -INT64 <= (value := int(digits)) < INT64:
        raise MalformedError("A number is too large.")
    return value


def check_target(scope: Scope) -> None:
    """The path and the query: no NUL, which PostgreSQL cannot keep, and no endless address."""
    query: bytes = scope.get("query_string", b"")
    if len(query) + len(scope["path"]) > TARGET_LIMIT_BYTES:
        raise TooLargeError("The address is too long.", http_status=414)
    if "\0" in scope["path"] or b"%00" in query or b"\0" in query:
        raise MalformedError("The address holds a NUL character.", http_status=400)


class BodyGuard:
    """Reads bodies that are not recordings, once, whole and checked, before any route does."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            check_target(scope)
            if scope["method"] not in SAFE_METHODS and not _is_streamed(scope):
                receive = await self._read(scope, receive)
        except (InvalidError, LimitedError) as error:
            await problem_of(scope, error)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive) -> Receive:
        headers = Headers(scope=scope)
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared[:20]) > LIMIT_BYTES:
            raise _too_large()
        body = await _receive_all(receive)
        kind = _media_type(headers)
        if body is not None and (kind == "application/json" or kind.endswith("+json")) and body:
            check_json(body)
        if body is not None and kind == "application/x-www-form-urlencoded":
            _check_form(body)
        return _replay(body, receive)


def _check_form(body: bytes) -> None:
    if b"%00" in body or b"\0" in body:
        raise MalformedError("A field holds a NUL character.")


def _is_streamed(scope: Scope) -> bool:
    kind = _media_type(Headers(scope=scope))
    path: str = scope["path"].rstrip("/")
    if (path, kind) == FORM_UPLOAD:
        return True
    place, wanted = RESUMABLE_UPLOAD
    return kind == wanted and (path == place or path.startswith(f"{place}/"))


def _media_type(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


async def _receive_all(receive: Receive) -> bytes | None:
    """None when the client went away."""
    parts: list[bytes] = []
    size = 0
    with anyio.move_on_after(ARRIVES_WITHIN_SECONDS):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > LIMIT_BYTES:
                raise _too_large()
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)
    raise LimitedError("The body of the request came too slowly.", http_status=408)


def _too_large() -> TooLargeError:
    return TooLargeError("The body of the request is larger than 1 MB.", http_status=413)


def _replay(body: bytes | None, receive: Receive) -> Receive:
    pending: list[Message] = [
        {"type": "http.disconnect"}
        if body is None
        else {"type": "http.request", "body": body, "more_body": False}
    ]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
