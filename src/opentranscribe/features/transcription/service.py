"""Asking for a transcription, asking again, and stopping it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from opentranscribe.features.jobs import queries as job_queries
from opentranscribe.features.jobs.errors import JobNotFoundError, JobStateError
from opentranscribe.features.jobs.kinds import Kind, Kinds
from opentranscribe.features.jobs.schemas import JobView
from opentranscribe.features.jobs.service import JobService
from opentranscribe.features.system_settings.service import TranscriptionDefaults
from opentranscribe.features.transcription import queries
from opentranscribe.features.transcription.errors import NothingToRetryError, NotTranscribedError
from opentranscribe.features.transcription.wishes import Wishes
from opentranscribe.ports.notices import Notice
from opentranscribe.schema.jobs import Job
from opentranscribe.schema.media import MediaFile
from opentranscribe.work import Work
from opentranscribe.work.access import get_file

PROCESS = "transcription.process"
REDIARIZE = "transcription.rediarize"
KIND_PREFIX = "transcription."
#: Stages of the earlier system's reprocessing that concern voices alone.
VOICE_STAGES = frozenset({"rediarize", "diarize", "diarization", "speakers"})


class TranscriptionService:
    def __init__(self, work: Work, kinds: Kinds, default_model: str) -> None:
        self.work = work
        self.kinds = kinds
        self.jobs = JobService(work, kinds)
        self.default_model = default_model

    def start(self, file: MediaFile, options: Mapping[str, Any]) -> Job:
        """The first job of a new file, from its owner's settings and the uploader's wishes."""
        wishes = self._wishes(file).changed_by(options)
        return self._create(file, PROCESS, wishes)

    def reprocess(self, file_uuid: UUID, options: Mapping[str, Any]) -> JobView:
        """Do everything again, or only tell the voices apart anew; the transcript stays readable
        until the new one replaces it. Raises JobStateError while a job is under way."""
        file = get_file(self.work, file_uuid, lock=True)
        self.jobs.require_idle(file.id, KIND_PREFIX)
        stages = frozenset(options.get("stages") or ())
        only_voices = bool(stages) and stages <= VOICE_STAGES
        if only_voices and not queries.has_segments(self.work.session, file.id):
            raise NotTranscribedError(
                "There is no transcript yet whose voices could be told apart anew."
            )
        wishes = self._latest_wishes(file).changed_by(options)
        if only_voices:
            wishes = wishes.changed_by({"disable_diarization": False})
        return self._view(self._create(file, REDIARIZE if only_voices else PROCESS, wishes), file)

    def retry(self, file_uuid: UUID) -> JobView:
        """The same once more, after a failure or a cancellation."""
        file = get_file(self.work, file_uuid, lock=True)
        self.jobs.require_idle(file.id, KIND_PREFIX)
        last = job_queries.newest_job(self.work.session, file.id, KIND_PREFIX)
        if file.status == "completed" and (last is None or last.status == "succeeded"):
            raise NothingToRetryError(
                "This recording is done. To do it over with other choices, use reprocess."
            )
        kind = last.kind if last is not None else PROCESS
        return self._view(self._create(file, kind, self._latest_wishes(file)), file)

    def cancel(self, file_uuid: UUID) -> JobView:
        file = get_file(self.work, file_uuid, lock=True)
        open_jobs = job_queries.unfinished_jobs(self.work.session, file.id, KIND_PREFIX)
        if not open_jobs:
            raise JobStateError("Nothing is being done with this recording that could be stopped.")
        for job in open_jobs:
            self.jobs.cancel(job)
        return self._view(open_jobs[-1], file)

    def latest(self, file_uuid: UUID) -> JobView:
        file = get_file(self.work, file_uuid)
        job = job_queries.newest_job(self.work.session, file.id, KIND_PREFIX)
        if job is None:
            raise JobNotFoundError("Nothing has been done with this recording yet.")
        return self._view(job, file)

    def _create(self, file: MediaFile, kind_name: str, wishes: Wishes) -> Job:
        kind = self._kind(kind_name)
        if kind_name == PROCESS:
            file.requested_whisper_model = wishes.model
            file.diarization_disabled = not wishes.diarize
        if not queries.has_segments(self.work.session, file.id):
            file.status = "pending"
        file.error_category = file.last_error_message = None
        job = self.jobs.create(
            kind, user_id=file.user_id, file_id=file.id, payload=wishes.as_payload()
        )
        data = {"file_id": str(file.uuid)}
        self.work.notify(Notice("file_updated", data, file.user_id))
        return job

    def _kind(self, name: str) -> Kind:
        kind = self.kinds.find(name)
        assert kind is not None, f"bootstrap registers {name}"
        return kind

    def _wishes(self, file: MediaFile) -> Wishes:
        defaults = TranscriptionDefaults(self.work.session, self.default_model)
        return Wishes.of_payload(defaults.values_of(file.user_id))

    def _latest_wishes(self, file: MediaFile) -> Wishes:
        last = job_queries.newest_job(self.work.session, file.id, KIND_PREFIX)
        return Wishes.of_payload(last.payload) if last is not None else self._wishes(file)

    def _view(self, job: Job, file: MediaFile) -> JobView:
        return self.jobs.view(job, file.uuid, file.title or file.filename)
