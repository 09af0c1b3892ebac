"""HTTP for exports."""

from __future__ import annotations

import re
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from opentranscribe.edge.deps import SignedIn, WorkDep
from opentranscribe.features.exports.rules import CONTENT_TYPES, render
from opentranscribe.features.exports.service import load_document
from opentranscribe.work import Work

router = APIRouter(tags=["exports"])


@router.get("/files/{file_uuid}/export", response_class=Response)
def export_transcript(
    caller: SignedIn,
    work: WorkDep,
    file_uuid: UUID,
    format: str = "txt",  # noqa: A002 - the name that clients use
    include_speakers: bool = True,
) -> Response:
    """The transcript as a file: txt, srt, vtt or json."""
    return _attachment(work, file_uuid, format, include_speakers)


@router.get("/files/{file_uuid}/subtitles", response_class=Response)
def export_subtitles(
    caller: SignedIn,
    work: WorkDep,
    file_uuid: UUID,
    subtitle_format: str = "srt",
    include_speakers: bool = True,
) -> Response:
    """The same by the name and parameters that older clients use."""
    return _attachment(work, file_uuid, subtitle_format, include_speakers)


def _attachment(work: Work, file_uuid: UUID, fmt: str, include_speakers: bool) -> Response:
    document = load_document(work, file_uuid)
    body = render(fmt, document, include_speakers=include_speakers)
    extension = "vtt" if fmt.lower() == "webvtt" else fmt.lower()
    stem = re.sub(r"[^\w\- ]+", "_", document.title).strip(" _")[:100] or "transcript"
    ascii_name = stem.encode("ascii", "ignore").decode().strip() or "transcript"
    disposition = (
        f'attachment; filename="{ascii_name}.{extension}"; '
        f"filename*=UTF-8''{quote(f'{stem}.{extension}')}"
    )
    headers = {"Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"}
    return Response(body, media_type=CONTENT_TYPES[fmt.lower()], headers=headers)
