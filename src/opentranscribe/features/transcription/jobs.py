"""The kinds of jobs of transcription, and what their beginning and end mean for the file."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from opentranscribe.features.jobs.kinds import Failure, JobFacts, Kind, Kinds, Step
from opentranscribe.features.transcription import queries
from opentranscribe.features.transcription.pipeline import Engines, Pipeline
from opentranscribe.features.transcription.service import (
    PROCESS,
    REDIARIZE,
    TranscriptionService,
)
from opentranscribe.features.transcription.steps import PROCESS_STEPS, REDIARIZE_STEPS
from opentranscribe.features.transcription.storing import FileStore, add_notice
from opentranscribe.features.transcription.wishes import Wishes
from opentranscribe.kit.options import Options
from opentranscribe.ports import Ports
from opentranscribe.ports.notices import Notice
from opentranscribe.schema.media import MediaFile
from opentranscribe.work import SYSTEM, Work, WorkFactory
from opentranscribe.work.events import Event, FileAdded, FileDeleted

QUEUE = "speech"
PRIORITY_NEW = 3
PRIORITY_AGAIN = 4

#: How a step that failed alone is told; the step's own sentence follows.
STEP_NOTICES = {
    "diarize": "The voices could not be told apart; the transcript itself is complete.",
    "voiceprints": "The voices could not be compared with people you have named.",
    "thumbnail": "No preview picture could be made.",
}


def transcription_kinds(
    ports: Ports, options: Options, following: Sequence[Step] = ()
) -> tuple[Kind, ...]:
    """``following`` are steps of other features at the end of a transcription."""
    files = FileHooks(options.scratch_dir)

    def kind(name: str, steps: Sequence[Step], priority: int, *, reuse_words: bool) -> Kind:
        return Kind(
            name=name,
            queue=QUEUE,
            steps=(*steps, *following),
            priority=priority,
            notice="transcription_status",
            prepare=partial(prepare_pipeline, ports, options.scratch_dir, reuse_words=reuse_words),
            size=Pipeline.duration_seconds,
            variant=lambda pipeline: pipeline.wishes.model,
            on_start=files.begin,
            on_success=files.finish,
            on_failure=files.fail,
            on_cancel=files.cancel,
            on_step_failure=files.note_failed_step,
        )

    return (
        kind(PROCESS, PROCESS_STEPS, PRIORITY_NEW, reuse_words=False),
        kind(REDIARIZE, REDIARIZE_STEPS, PRIORITY_AGAIN, reuse_words=True),
    )


def prepare_pipeline(
    ports: Ports, scratch_dir: Path, job: JobFacts, work_factory: WorkFactory, *, reuse_words: bool
) -> Pipeline:
    assert job.file_id is not None
    with work_factory(SYSTEM) as work:
        file = queries.get_file_row(work.session, job.file_id)
        storage_key = file.storage_path
        hotwords = queries.hotwords(work.session, file.user_id)
    return Pipeline(
        Engines(ports.media_tools, ports.recognizer, ports.diarizer),
        FileStore(job, work_factory, ports.objects, reuse_words=reuse_words),
        source=ports.objects.local_path(storage_key),
        scratch=scratch_folder(scratch_dir, job),
        wishes=Wishes.of_payload(job.payload),
        hotwords=hotwords,
    )


def scratch_folder(scratch_dir: Path, job: JobFacts) -> Path:
    return scratch_dir / str(job.file_uuid)


def on_file_added(work: Work, event: Event, kinds: Kinds, default_model: str) -> None:
    """A listener: a stored file and its first job commit together."""
    assert isinstance(event, FileAdded)
    file = queries.get_file_row(work.session, event.file_id)
    TranscriptionService(work, kinds, default_model).start(file, event.options)


def on_file_deleted(work: Work, event: Event, scratch_dir: Path) -> None:
    """A listener: a deleted file's transcript goes with it; a worker at it loses its lease."""
    assert isinstance(event, FileDeleted)
    file = queries.get_file_row(work.session, event.file_id)
    queries.delete_drafts(work.session, event.file_id)
    queries.delete_transcript(work.session, event.file_id)
    FileHooks(scratch_dir).discard_scratch(work, str(file.uuid))


class FileHooks:
    """The file's status follows its job, in the job's own transactions."""

    def __init__(self, scratch_dir: Path) -> None:
        self._scratch_dir = scratch_dir

    def begin(self, work: Work, job: JobFacts) -> None:
        file = self._file(work, job)
        file.status = "processing"
        file.error_category = file.last_error_message = None
        if job.attempt == 1:
            file.notices = []
        self._tell(work, job, file, progress=0.0)

    def finish(self, work: Work, job: JobFacts) -> None:
        file = self._file(work, job)
        self.discard_scratch(work, str(job.file_uuid))
        self._tell(work, job, file, progress=100.0)

    def fail(self, work: Work, job: JobFacts, failure: Failure) -> None:
        """A recording with an earlier transcript keeps it and says what went wrong."""
        file = self._file(work, job)
        queries.delete_drafts(work.session, file.id)
        if queries.has_segments(work.session, file.id):
            file.status = "completed"
            add_notice(
                file,
                "reprocessing_failed",
                f"Doing this recording again failed; the transcript from before is kept. "
                f"{failure.message}",
            )
        else:
            file.status = "error"
            file.error_category = failure.code[:50]
            file.last_error_message = failure.message
        self.discard_scratch(work, str(job.file_uuid))
        self._tell(work, job, file)

    def cancel(self, work: Work, job: JobFacts) -> None:
        file = self._file(work, job)
        queries.delete_drafts(work.session, file.id)
        finished = queries.has_segments(work.session, file.id)
        file.status = "completed" if finished else "cancelled"
        self.discard_scratch(work, str(job.file_uuid))
        self._tell(work, job, file)

    def note_failed_step(self, work: Work, job: JobFacts, step: Step, failure: Failure) -> None:
        told = STEP_NOTICES.get(step.name, f"{step.label} did not work.")
        add_notice(self._file(work, job), f"{step.name}_failed", f"{told} {failure.message}")

    def discard_scratch(self, work: Work, file_uuid: str) -> None:
        folder = self._scratch_dir / file_uuid
        work.after_commit(partial(shutil.rmtree, folder, ignore_errors=True))

    def _file(self, work: Work, job: JobFacts) -> MediaFile:
        assert job.file_id is not None
        return queries.get_file_row(work.session, job.file_id)

    def _tell(self, work: Work, job: JobFacts, file: MediaFile, **data: float) -> None:
        told = {"file_id": str(job.file_uuid), "job_id": str(job.uuid), "status": file.status}
        work.notify(Notice("transcription_status", {**told, **data}, file.user_id))
        work.notify(Notice("file_updated", {"file_id": str(job.file_uuid)}, file.user_id))
