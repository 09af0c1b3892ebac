"""The kinds of jobs of transcription, and what their beginning and end mean for the file."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from opentranscribe.features.jobs.kinds import Failure, JobFacts, Kind, Kinds, Step
from opentranscribe.features.transcription import part_queries, queries
from opentranscribe.features.transcription.parts import part_kind
from opentranscribe.features.transcription.pipeline import Pipeline, alone
from opentranscribe.features.transcription.preparation import prepare_pipeline
from opentranscribe.features.transcription.service import (
    PROCESS,
    REDIARIZE,
    TranscriptionService,
)
from opentranscribe.features.transcription.sharing import Shared
from opentranscribe.features.transcription.steps import PROCESS_STEPS, REDIARIZE_STEPS
from opentranscribe.features.transcription.storing import add_notice
from opentranscribe.features.transcription.wishes import Wishes
from opentranscribe.kit.options import Options
from opentranscribe.ports import Ports
from opentranscribe.ports.notices import Notice
from opentranscribe.ports.queue import CPU, GPU
from opentranscribe.schema.media import MediaFile
from opentranscribe.work import Work
from opentranscribe.work.events import Event, FileAdded, FileDeleted

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
    part = part_kind(ports, options.scratch_dir, GPU)
    share = partial(Shared, part_kind=part, version=options.version)

    def kind(name: str, steps: Sequence[Step], priority: int, *, reuse_words: bool) -> Kind:
        return Kind(
            name=name,
            queue=GPU,
            choose_queue=partial(choose_queue, cpu_models=options.cpu_models),
            steps=(*steps, *following),
            priority=priority,
            notice="transcription_status",
            prepare=partial(
                prepare_pipeline,
                ports,
                options.scratch_dir,
                reuse_words=reuse_words,
                share=alone if reuse_words else share,
            ),
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
        part,
    )


def choose_queue(payload: Mapping[str, Any], cpu_models: frozenset[str]) -> str:
    """Recordings for small models need not wait for a graphics card."""
    return CPU if Wishes.of_payload(payload).model in cpu_models else GPU


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
    part_queries.delete_parts(work.session, event.file_id)
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
        part_queries.delete_parts(work.session, file.id)
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
        part_queries.delete_parts(work.session, file.id)
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
