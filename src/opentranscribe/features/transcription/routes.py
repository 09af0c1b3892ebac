"""HTTP for the work on one file."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, status

from opentranscribe.edge.deps import OptionsDep, SignedIn, WorkDep
from opentranscribe.features.jobs.routes import KindsDep
from opentranscribe.features.jobs.schemas import JobView
from opentranscribe.features.transcription.schemas import Reprocess
from opentranscribe.features.transcription.service import TranscriptionService

router = APIRouter(tags=["transcription"])


def transcription(work: WorkDep, kinds: KindsDep, options: OptionsDep) -> TranscriptionService:
    return TranscriptionService(work, kinds, options.default_model)


ServiceDep = Annotated[TranscriptionService, Depends(transcription, scope="function")]


@router.get("/files/{file_uuid}/job")
def open_file_job(caller: SignedIn, service: ServiceDep, file_uuid: UUID) -> JobView:
    """The newest work on this recording."""
    return service.latest(file_uuid)


@router.post("/files/{file_uuid}/cancel")
def cancel_file_job(caller: SignedIn, service: ServiceDep, file_uuid: UUID) -> JobView:
    return service.cancel(file_uuid)


@router.post("/files/{file_uuid}/retry", status_code=status.HTTP_202_ACCEPTED)
def retry_file_job(caller: SignedIn, service: ServiceDep, file_uuid: UUID) -> JobView:
    return service.retry(file_uuid)


@router.post("/files/{file_uuid}/reprocess", status_code=status.HTTP_202_ACCEPTED)
def reprocess_file(
    caller: SignedIn, service: ServiceDep, file_uuid: UUID, wanted: Reprocess
) -> JobView:
    """Transcribe again with other choices, or tell the voices apart anew."""
    return service.reprocess(file_uuid, wanted.model_dump(exclude_unset=True))
