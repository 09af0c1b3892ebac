"""Which exception becomes which problem; registered on the application once."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg.errors import DiskFull
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from opentranscribe.edge.problem import RETRY_AFTER_SECONDS, problem, problem_of, request_id
from opentranscribe.kit.errors import AppError

log = logging.getLogger(__name__)

HTTP_CODES = {
    400: "malformed",
    404: "no_such_route",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}
HTTP_DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
}
MANY_ERRORS = 20


def register_failures(app: FastAPI) -> None:
    app.add_exception_handler(AppError, _on_app_error)
    app.add_exception_handler(RequestValidationError, _on_malformed)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(DataError, _on_data_error)
    app.add_exception_handler(IntegrityError, _on_integrity_error)
    app.add_exception_handler(DBAPIError, _on_database_error)
    app.add_exception_handler(OperationalError, _on_database_error)
    app.add_exception_handler(InterfaceError, _on_database_error)
    app.add_exception_handler(PoolTimeoutError, _on_database_down)


async def _on_app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    return problem_of(request.scope, error)


async def _on_malformed(request: Request, error: Exception) -> Response:
    """Says where and what, never what was sent: an echo could not even be serialised when the
    input holds an infinity or half a surrogate pair, and may be a password."""
    assert isinstance(error, RequestValidationError)
    errors = [
        {"loc": [str(part)[:100] for part in one["loc"]], "message": _sentence(one)}
        for one in error.errors()[:MANY_ERRORS]
    ]
    where = ", ".join(".".join(one["loc"][1:] or one["loc"]) for one in errors)
    return problem(
        request.scope,
        422,
        "malformed",
        f"The request cannot be understood ({where[:300]}). Nothing was changed.",
        fields={"errors": errors},
    )


def _sentence(error: dict[str, Any]) -> str:
    """Pydantic quotes input in a few of its messages; those are cut at the colon or comma."""
    message = str(error["msg"])
    if error["type"] in {"uuid_parsing", "json_invalid"} or error["type"].endswith("_parsing"):
        return message.split(",", maxsplit=1)[0].split(":", maxsplit=1)[0][:200]
    return message[:200]


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = HTTP_DETAILS.get(error.status_code, str(error.detail))
    code = HTTP_CODES.get(error.status_code, f"http_{error.status_code}")
    headers = dict(error.headers) if error.headers else None
    return problem(request.scope, error.status_code, code, detail, headers=headers)


async def _on_data_error(request: Request, error: Exception) -> Response:
    """A value that passed the shapes but no column can hold."""
    log.warning("unstorable value in request %s: %s", request_id(request.scope), error)
    detail = "The request holds a value that cannot be stored. Nothing was changed."
    return problem(request.scope, 422, "unstorable", detail)


async def _on_integrity_error(request: Request, error: Exception) -> Response:
    """Two requests at once wanted what only one can have; the database kept the first."""
    log.warning("conflict in request %s: %s", request_id(request.scope), error)
    detail = "Somebody changed the same thing at the same time. Reload and try again."
    return problem(request.scope, 409, "conflict", detail)


async def _on_database_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DBAPIError)
    if isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated:
        return await _on_database_down(request, error)
    raise error


async def _on_database_down(request: Request, error: Exception) -> Response:
    if isinstance(getattr(error, "orig", None), DiskFull):
        return await _on_disk_full(request, error)
    log.warning("no database for request %s: %s", request_id(request.scope), error)
    return problem(
        request.scope,
        503,
        "database_unavailable",
        "The database is not answering. Nothing was changed; try again in a few seconds.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


async def _on_disk_full(request: Request, error: Exception) -> Response:
    log.error("the database's disk is full, in request %s: %s", request_id(request.scope), error)
    return problem(
        request.scope,
        507,
        "storage_full",
        "The disk of the server is full, so nothing was changed. Everything that is stored is "
        "safe; make room and try again.",
    )
