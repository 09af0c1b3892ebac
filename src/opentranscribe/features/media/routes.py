"""HTTP for stored files; uploads in pieces are in ``upload_routes``."""

from __future__ import annotations

from email.utils import format_datetime
from typing import Annotated
from uuid import UUID

import anyio
from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from opentranscribe.edge.deps import EdgeDep, OptionsDep, PortsDep, SignedIn, WorkDep
from opentranscribe.features.media import rules, upload_routes
from opentranscribe.features.media.errors import NoFileFieldError, UploadTooLargeError
from opentranscribe.features.media.finishing import Finished
from opentranscribe.features.media.form import FileField
from opentranscribe.features.media.schemas import (
    FormatOut,
    FormatsOut,
    MediaFileOut,
    PrepareIn,
    PrepareOut,
    StreamUrl,
    WaveformOut,
)
from opentranscribe.features.media.service import Content, MediaService
from opentranscribe.features.media.spool import SpoolWriter
from opentranscribe.features.media.upload_routes import IDLE_SECONDS, WRITE_BYTES, Uploads
from opentranscribe.features.media.uploads import UploadService

SAMPLE = "sample-conversation"
SAMPLE_FILE = "sample.wav"
SAMPLE_NAME = "Sample conversation.wav"
#: For old clients that put their wishes into headers of the form upload.
OPTION_HEADERS = {
    "num_speakers": "x-num-speakers",
    "min_speakers": "x-min-speakers",
    "max_speakers": "x-max-speakers",
    "sha256": "x-file-hash",
}
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            }
        },
    }
}

router = APIRouter(tags=["media"])
router.include_router(upload_routes.router)


@router.post("/files", status_code=201, openapi_extra=FORM)
async def add_file(request: Request, caller: SignedIn, uploads: Uploads, edge: EdgeDep) -> Response:
    """Upload a whole recording as the form field ``file``; 200 when the caller has it already."""
    field = FileField(request.headers.get("content-type", ""))
    writer = await run_in_threadpool(uploads.begin_whole)
    try:
        await _receive_form(request, field, writer, edge.options.max_upload_bytes)
        finished = await run_in_threadpool(uploads.add_whole, writer, _wishes(request, field))
    except BaseException:
        with anyio.CancelScope(shield=True):
            await run_in_threadpool(uploads.drop_unclaimed, writer)
        raise
    finally:
        writer.close()
    return await run_in_threadpool(_added, uploads, finished)


@router.post("/files/prepare")
def prepare_file(
    request: Request, caller: SignedIn, work: WorkDep, ports: PortsDep, wanted: PrepareIn
) -> PrepareOut:
    """Ask before sending: the file is here already, or where to send it."""
    url = request.url_for("create_upload").path
    return MediaService(work, ports.objects).prepare(wanted, url)


@router.post("/files/sample", status_code=201, response_model=MediaFileOut)
def add_sample(caller: SignedIn, uploads: Uploads, ports: PortsDep) -> Response:
    """Add the built-in 30-second conversation, or find it again."""
    folder = ports.models.find(SAMPLE) or ports.models.fetch(SAMPLE)
    finished = uploads.add_copy(folder / SAMPLE_FILE, {"filename": SAMPLE_NAME})
    return _added(uploads, finished)


@router.get("/files/supported-formats")
def list_formats(caller: SignedIn, options: OptionsDep) -> FormatsOut:
    """Extensions that are known to work; anything else that libav reads works too."""
    formats = [FormatOut(extension=f".{e}", content_type=t) for e, t in rules.TYPES.items()]
    return FormatsOut(formats=formats, max_bytes=options.max_upload_bytes)


@router.get("/files/{file_uuid}/content", response_class=StreamingResponse)
def read_content(
    request: Request, file_uuid: UUID, caller: SignedIn, work: WorkDep, ports: PortsDep
) -> Response:
    """The recording as uploaded, whole or in ranges, for a player."""
    media = MediaService(work, ports.objects)
    return _send(request, media, media.content(file_uuid), "inline")


router.head("/files/{file_uuid}/content", include_in_schema=False)(read_content)


@router.get("/files/{file_uuid}/download", response_class=StreamingResponse)
def download_file(
    request: Request, file_uuid: UUID, caller: SignedIn, work: WorkDep, ports: PortsDep
) -> Response:
    """The recording as uploaded, to be saved under its name."""
    media = MediaService(work, ports.objects)
    return _send(request, media, media.content(file_uuid), "attachment")


router.head("/files/{file_uuid}/download", include_in_schema=False)(download_file)


@router.get("/files/{file_uuid}/thumbnail", response_class=StreamingResponse)
def read_thumbnail(
    request: Request, file_uuid: UUID, caller: SignedIn, work: WorkDep, ports: PortsDep
) -> Response:
    """A picture from the video, WebP."""
    media = MediaService(work, ports.objects)
    return _send(request, media, media.thumbnail(file_uuid), "inline")


@router.get("/files/{file_uuid}/stream-url")
def locate_stream(
    request: Request,
    file_uuid: UUID,
    caller: SignedIn,
    work: WorkDep,
    ports: PortsDep,
    *,
    media_type: Annotated[str, Query(pattern="^(video|audio|thumbnail)$")] = "video",
) -> StreamUrl:
    """Where a player finds the bytes."""
    media = MediaService(work, ports.objects)
    found = media.thumbnail if media_type == "thumbnail" else media.content
    found(file_uuid)
    route = "read_thumbnail" if media_type == "thumbnail" else "read_content"
    return StreamUrl(url=request.url_for(route, file_uuid=str(file_uuid)).path)


@router.get("/files/{file_uuid}/waveform")
def read_waveform(
    file_uuid: UUID,
    caller: SignedIn,
    work: WorkDep,
    ports: PortsDep,
    samples: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> WaveformOut:
    """The shape of the sound, as many pairs as there is room for."""
    return MediaService(work, ports.objects).waveform(file_uuid, samples)


@router.delete("/files/{file_uuid}", status_code=204)
def delete_file(file_uuid: UUID, caller: SignedIn, work: WorkDep, ports: PortsDep) -> Response:
    """Delete a recording with its transcript, for good."""
    MediaService(work, ports.objects).delete(file_uuid)
    return Response(status_code=204)


async def _receive_form(
    request: Request, field: FileField, writer: SpoolWriter, limit_bytes: int
) -> None:
    size = 0
    pending = bytearray()
    chunks = request.stream()
    try:
        while True:
            with anyio.fail_after(IDLE_SECONDS):
                chunk = await anext(chunks, None)
            if chunk is None:
                break
            pending += field.feed(chunk) if chunk else b""
            if len(pending) >= WRITE_BYTES:
                size += len(pending)
                if size > limit_bytes:
                    raise UploadTooLargeError(limit_bytes)
                await run_in_threadpool(writer.write, pending)
                pending = bytearray()
    except (ClientDisconnect, TimeoutError) as error:
        raise NoFileFieldError from error
    field.finish()
    await run_in_threadpool(writer.write, pending)


def _wishes(request: Request, field: FileField) -> dict[str, str]:
    given = {key: request.headers.get(header, "") for key, header in OPTION_HEADERS.items()}
    return given | {"filename": field.filename or "", "filetype": field.content_type or ""}


def _added(uploads: UploadService, finished: Finished) -> Response:
    out = MediaFileOut.model_validate(uploads.file_of(finished), from_attributes=True)
    out.is_duplicate = finished.is_duplicate
    status = 200 if finished.is_duplicate else 201
    return Response(out.model_dump_json(), status, media_type="application/json")


def _send(request: Request, media: MediaService, content: Content, kind: str) -> Response:
    """RFC 9110: conditional and range requests on immutable bytes."""
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": content.etag,
        "Cache-Control": "private, max-age=3600",
        "Content-Disposition": rules.disposition(kind, content.filename),
        "X-Content-Type-Options": "nosniff",
    }
    if content.modified is not None:
        headers["Last-Modified"] = format_datetime(content.modified, usegmt=True)
    if rules.etag_matches(request.headers.get("if-none-match"), content.etag):
        return Response(status_code=304, headers=headers)
    size = content.size_bytes
    try:
        part = rules.parse_range(_wanted_range(request, headers), size)
    except rules.UnsatisfiableRange:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    start, length = part or (0, size)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
    headers["Content-Length"] = str(length)
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(None, status, headers, content.content_type)
    body = media.open_range(content, start, length)
    return StreamingResponse(body, status, headers, content.content_type)


def _wanted_range(request: Request, headers: dict[str, str]) -> str | None:
    """None when ``If-Range`` names bytes that are no longer these."""
    condition = request.headers.get("if-range")
    if condition is not None and condition not in (headers["ETag"], headers.get("Last-Modified")):
        return None
    return request.headers.get("range")
