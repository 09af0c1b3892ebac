"""The tus 1.0 server: https://tus.io/protocols/resumable-upload.

Extensions: creation, creation-with-upload, checksum, termination, expiration. Why it is our own:
docs/decisions/0005-tus-server.md.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from email.utils import format_datetime
from typing import Annotated, Any
from uuid import UUID

import anyio
from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from opentranscribe.edge.deps import EdgeDep, SignedIn, public
from opentranscribe.edge.problem import problem_of
from opentranscribe.features.media import rules
from opentranscribe.features.media.errors import (
    ChecksumAlgorithmError,
    UploadHeaderError,
)
from opentranscribe.features.media.finishing import Finished
from opentranscribe.features.media.schemas import UploadOut, UploadResult
from opentranscribe.features.media.uploads import Appended, OpenUpload, Standing, UploadService
from opentranscribe.kit.errors import AppError

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,termination,expiration"
BODY_TYPE = "application/offset+octet-stream"
WRITE_BYTES = 1 << 20
#: A connection that sends nothing for this long is given up, so that its client can come back.
IDLE_SECONDS = 30.0
LONGEST_METADATA = 8192
#: The default error answers of the protocol's requests, for the API's description.
ANSWERS: dict[int | str, dict[str, Any]] = {
    204: {"description": "Upload-Offset says what is safe on disk"},
    409: {"description": "wrong offset, or somebody else is sending"},
    410: {"description": "expired or cancelled"},
    413: {"description": "too large"},
    460: {"description": "checksum mismatch"},
    507: {"description": "the disk is full"},
}


class TusRoute(APIRoute):
    """Every answer, errors too, names the protocol's version."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        original = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                response = await original(request)
            except AppError as error:
                response = problem_of(request.scope, error)
                if "offset" in error.fields:
                    response.headers["Upload-Offset"] = str(error.fields["offset"])
            response.headers["Tus-Resumable"] = VERSION
            return response

        return handle


def speaks_tus(request: Request) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        raise UploadHeaderError(
            "This address speaks the tus protocol, version 1.0.0 (header Tus-Resumable).", 412
        )


def upload_service(caller: SignedIn, edge: EdgeDep) -> UploadService:
    return UploadService(edge.work, edge.ports.objects, edge.options, caller.actor)


Uploads = Annotated[UploadService, Depends(upload_service)]
router = APIRouter(prefix="/uploads", tags=["uploads"], route_class=TusRoute)


@router.options("", dependencies=[Depends(public)], status_code=204)
def describe_uploads(edge: EdgeDep) -> Response:
    """What this server can do."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(edge.options.max_upload_bytes),
        "Tus-Checksum-Algorithm": "sha256,sha1",
    }
    return Response(status_code=204, headers=headers)


@router.post("", status_code=201, dependencies=[Depends(speaks_tus)], responses=ANSWERS)
async def create_upload(request: Request, caller: SignedIn, uploads: Uploads) -> Response:
    """Begin an upload: Upload-Length, Upload-Metadata; the first bytes may come along."""
    size = _size(request)
    metadata = _metadata(request)
    checksum = _checksum(request)
    standing = await run_in_threadpool(uploads.create, size, metadata)
    headers = {"Location": f"{request.url.path.rstrip('/')}/{standing.upload_uuid}"}
    if _has_body(request):
        appended = await _append(request, uploads, standing.upload_uuid, 0, checksum)
        return Response(status_code=201, headers=headers | _progress_headers(appended))
    headers |= _standing_headers(standing)
    return Response(status_code=201, headers=headers)


@router.get("")
def list_uploads(caller: SignedIn, uploads: Uploads) -> list[UploadOut]:
    """The caller's unfinished uploads, newest first."""
    return uploads.list_unfinished()


@router.head("/{upload_uuid}", dependencies=[Depends(speaks_tus)], responses=ANSWERS)
def stand_upload(upload_uuid: UUID, caller: SignedIn, uploads: Uploads) -> Response:
    """How far the upload is."""
    standing = uploads.stand(upload_uuid)
    headers = _standing_headers(standing) | {
        "Cache-Control": "no-store",
        "Upload-Length": str(standing.size_bytes),
        "Upload-Metadata": standing.metadata,
    }
    return Response(status_code=200, headers=headers)


@router.patch(
    "/{upload_uuid}", status_code=204, dependencies=[Depends(speaks_tus)], responses=ANSWERS
)
async def append_upload(
    request: Request, upload_uuid: UUID, caller: SignedIn, uploads: Uploads
) -> Response:
    """Send bytes from Upload-Offset on; 204 means that they are safe on disk."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != BODY_TYPE:
        raise UploadHeaderError(f"The Content-Type must be {BODY_TYPE}.", 415)
    offset = _number(request, "upload-offset")
    if offset is None:
        raise UploadHeaderError("The header Upload-Offset is missing.")
    appended = await _append(request, uploads, upload_uuid, offset, _checksum(request))
    return Response(status_code=204, headers=_progress_headers(appended))


@router.delete("/{upload_uuid}", status_code=204, dependencies=[Depends(speaks_tus)])
def abort_upload(upload_uuid: UUID, caller: SignedIn, uploads: Uploads) -> Response:
    """Cancel an upload and forget its bytes."""
    uploads.abort(upload_uuid)
    return Response(status_code=204)


@router.get("/{upload_uuid}/result")
def read_result(upload_uuid: UUID, caller: SignedIn, uploads: Uploads) -> UploadResult:
    """What became of an upload."""
    return uploads.result(upload_uuid)


async def _append(
    request: Request,
    uploads: UploadService,
    upload_uuid: UUID,
    offset: int,
    checksum: tuple[str, bytes] | None,
) -> Appended:
    stored = await run_in_threadpool(uploads.conclude_stored, upload_uuid, offset)
    if stored is not None:
        return stored
    announced = _number(request, "content-length")
    opened = await run_in_threadpool(uploads.open_writer, upload_uuid, offset, announced)
    try:
        if checksum is not None:
            await run_in_threadpool(opened.writer.expect, *checksum)
        await _receive(request, opened)
    finally:
        # Also when the connection broke: what came is kept, unless its checksum says otherwise.
        with anyio.CancelScope(shield=True):
            appended = await run_in_threadpool(_settle_and_close, uploads, opened)
    return appended


def _settle_and_close(uploads: UploadService, opened: OpenUpload) -> Appended:
    try:
        return uploads.settle(opened)
    finally:
        opened.writer.close()


async def _receive(request: Request, opened: OpenUpload) -> None:
    """The body, written in large pieces off the event loop."""
    remaining = opened.remaining
    pending = bytearray()
    chunks = request.stream()
    try:
        while True:
            with anyio.fail_after(IDLE_SECONDS):
                chunk = await anext(chunks, None)
            if chunk is None:
                break
            remaining -= len(chunk)
            if remaining < 0:
                raise UploadHeaderError("More bytes came than the upload has left.")
            pending += chunk
            if len(pending) >= WRITE_BYTES:
                await run_in_threadpool(opened.writer.write, pending)
                pending = bytearray()
    except (ClientDisconnect, TimeoutError) as error:
        await run_in_threadpool(opened.writer.write, pending)
        raise UploadHeaderError("The connection broke off.", 408) from error
    await run_in_threadpool(opened.writer.write, pending)


def _progress_headers(appended: Appended) -> dict[str, str]:
    headers = {
        "Upload-Offset": str(appended.offset),
        "Upload-Expires": format_datetime(appended.expires_at, usegmt=True),
    }
    return headers | finished_headers(appended.finished)


def finished_headers(finished: Finished | None) -> dict[str, str]:
    if finished is None:
        return {}
    return {
        "Upload-File-Id": str(finished.file_uuid),
        "Upload-Duplicate": "1" if finished.is_duplicate else "0",
    }


def _standing_headers(standing: Standing) -> dict[str, str]:
    return {
        "Upload-Offset": str(standing.offset),
        "Upload-Expires": format_datetime(standing.expires_at, usegmt=True),
    }


def _size(request: Request) -> int:
    if "upload-defer-length" in request.headers:
        raise UploadHeaderError("The length must be known from the start (Upload-Length).")
    size = _number(request, "upload-length")
    if size is None:
        raise UploadHeaderError("The header Upload-Length is missing.")
    return size


def _number(request: Request, header: str) -> int | None:
    given = request.headers.get(header)
    if given is None:
        return None
    if not (given.isascii() and given.isdecimal()) or len(given) > 19:
        raise UploadHeaderError(f"The header {header.title()} must be a whole number.")
    return int(given)


def _metadata(request: Request) -> dict[str, str]:
    header = request.headers.get("upload-metadata", "")
    if len(header) > LONGEST_METADATA:
        raise UploadHeaderError("Upload-Metadata is too long.")
    try:
        return rules.parse_metadata(header)
    except ValueError as error:
        raise UploadHeaderError(str(error)) from error


def _checksum(request: Request) -> tuple[str, bytes] | None:
    header = request.headers.get("upload-checksum")
    if header is None:
        return None
    try:
        return rules.parse_checksum(header)
    except ValueError as error:
        raise ChecksumAlgorithmError from error


def _has_body(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == BODY_TYPE and request.headers.get("content-length") != "0"
