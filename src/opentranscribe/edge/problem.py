"""Errors become RFC 9457 problems, here and nowhere else."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import Response
from starlette.types import Scope

from opentranscribe.kit.errors import AppError, Kind

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
STATUS: dict[Kind, int] = {
    "invalid": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "limited": 429,
    "unavailable": 503,
    "unsupported": 501,
}
#: Not every number has one: tus has 460 for a wrong checksum.
PHRASES = {int(one): one.phrase for one in HTTPStatus}
RETRY_AFTER_SECONDS = 5


class Problem(BaseModel):
    """``detail`` is a sentence for people, ``code`` a word for programs."""

    type: str = Field(examples=["urn:opentranscribe:problem:file_not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str
    code: str = Field(examples=["file_not_found"])
    request_id: str | None = None


def request_id(scope: Scope) -> str | None:
    found: str | None = scope.get("state", {}).get("request_id")
    return found


def problem(
    scope: Scope,
    status: int,
    code: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    fields: Mapping[str, Any] | None = None,
) -> Response:
    body = {
        **(fields or {}),
        "type": f"urn:opentranscribe:problem:{code}",
        "title": PHRASES.get(status, "Refused"),
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id(scope),
    }
    # ASCII, so that no odd character in a message can break the answer that explains it.
    content = json.dumps(body, ensure_ascii=True, default=str)
    return Response(content, status, headers, MEDIA_TYPE)


def problem_of(scope: Scope, error: AppError) -> Response:
    """The answer to an error that was raised on purpose."""
    fields = dict(error.fields)
    status = int(fields.pop("http_status", STATUS[error.kind]))
    headers: dict[str, str] = {}
    wait = fields.pop("retry_after_seconds", None)
    if wait is None and error.kind == "unavailable" and error.transient:
        wait = RETRY_AFTER_SECONDS
    if wait is not None:
        headers["Retry-After"] = str(max(1, round(wait)))
    if error.kind == "unauthenticated":
        headers["WWW-Authenticate"] = "Bearer"
    if error.kind == "unavailable":
        log.warning("%s: %s (request %s)", error.code, error, request_id(scope))
    return problem(scope, status, error.code, error.message, headers=headers, fields=fields)
