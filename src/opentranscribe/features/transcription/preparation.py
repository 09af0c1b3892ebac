"""From the row of a job to the pipeline that its steps work on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from opentranscribe.features.jobs.kinds import JobFacts, StepRun
from opentranscribe.features.transcription import queries
from opentranscribe.features.transcription.pipeline import Engines, Pipeline, Share, alone
from opentranscribe.features.transcription.storing import FileStore
from opentranscribe.features.transcription.wishes import Wishes
from opentranscribe.ports import Ports
from opentranscribe.work import SYSTEM, WorkFactory


def prepare_pipeline(
    ports: Ports,
    scratch_dir: Path,
    job: JobFacts,
    work_factory: WorkFactory,
    *,
    reuse_words: bool = False,
    share: Callable[[StepRun], Share] = alone,
) -> Pipeline:
    """``share`` decides who decodes which windows of the recording."""
    assert job.file_id is not None
    with work_factory(SYSTEM) as work:
        file = queries.get_file_row(work.session, job.file_id)
        storage_key = file.storage_path
        hotwords = queries.hotwords(work.session, file.user_id)
    return Pipeline(
        Engines(ports.media_tools, ports.recognizer, ports.diarizer),
        FileStore(job, work_factory, ports.objects, ports.voices, reuse_words=reuse_words),
        source=ports.objects.local_path(storage_key),
        scratch=scratch_folder(scratch_dir, job),
        wishes=Wishes.of_payload(job.payload),
        hotwords=hotwords,
        share=share,
    )


def scratch_folder(scratch_dir: Path, job: JobFacts) -> Path:
    return scratch_dir / str(job.file_uuid)
