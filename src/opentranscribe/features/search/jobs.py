"""Keeping the index in step: who is listened to, and the job that follows."""

from __future__ import annotations

from opentranscribe.features.jobs.kinds import Kind, StepRun, single_step_kind
from opentranscribe.features.jobs.service import JobService
from opentranscribe.features.search import queries
from opentranscribe.features.search.indexing import Indexer
from opentranscribe.ports.notices import Notice
from opentranscribe.ports.queue import EMBEDDING
from opentranscribe.ports.search import SearchIndex
from opentranscribe.schema.media import MediaFile
from opentranscribe.work import SYSTEM, Work
from opentranscribe.work.events import Event, FileDeleted, TranscriptChanged, TranscriptReady

NAME = "search.index_file"
#: More urgent than thumbnails and the like: people expect search to follow within a second.
PRIORITY = 1


def index_kind(indexer: Indexer) -> Kind:
    def run(step: StepRun) -> None:
        if step.job.file_id is None:
            return
        indexer.index_file(step.job.file_id, step.progress)
        with step.work(SYSTEM) as work:
            file = work.session.get(MediaFile, step.job.file_id)
            if file is not None:
                data = {"file_id": str(file.uuid)}
                work.notify(Notice("search_indexing_complete", data, file.user_id))

    return single_step_kind(
        NAME, EMBEDDING, "Making it searchable", run, priority=PRIORITY, max_attempts=5
    )


def follow(work: Work, event: Event, kind: Kind) -> None:
    """Listener: a job that re-indexes, unless one is waiting that will see this change too."""
    assert isinstance(event, TranscriptReady | TranscriptChanged)
    work.session.flush()
    if queries.waiting_job(work.session, event.file_id, NAME) is None:
        file = work.session.get_one(MediaFile, event.file_id)
        JobService(work).create(kind, user_id=file.user_id, file_id=file.id)


def forget(work: Work, event: Event, index: SearchIndex) -> None:
    """Listener: a deleted file is not found from the same moment on."""
    assert isinstance(event, FileDeleted)
    index.delete_file(work.session, event.file_id)
