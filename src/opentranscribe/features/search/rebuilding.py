"""Rebuilding the whole index, recording after recording.

Each recording is replaced in one transaction, so that a search finds everything at every moment of
it; what an earlier indexing embedded is used again where the text is the same. An engine that
builds aside does so around the same loop.
"""

from __future__ import annotations

from opentranscribe.features.jobs.kinds import Kind, Kinds, StepRun, single_step_kind
from opentranscribe.features.jobs.schemas import JobView
from opentranscribe.features.jobs.service import JobService
from opentranscribe.features.search import queries
from opentranscribe.features.search.indexing import Indexer
from opentranscribe.features.search.jobs import NAME as INDEX_FILE
from opentranscribe.ports.progress import ignore_progress
from opentranscribe.ports.queue import CPU
from opentranscribe.ports.search import SearchIndex
from opentranscribe.ports.voices import VoiceIndex
from opentranscribe.work import SYSTEM, Work, WorkFactory

NAME = "search.reindex_all"
#: Behind the indexing of single recordings, which people wait for.
PRIORITY = 5


def reindex_kind(indexer: Indexer, voices: VoiceIndex) -> Kind:
    def run(step: StepRun) -> None:
        with step.work(SYSTEM) as work:
            file_ids = queries.transcribed_files(work.session)
        voices.begin_anew()
        with indexer.index.rebuilding() as done:
            for number, file_id in enumerate(file_ids):
                if file_id not in done:
                    indexer.index_file(file_id, ignore_progress)
                step.progress((number + 1) / len(file_ids))

    return single_step_kind(
        NAME, CPU, "Rebuilding the search index", run, priority=PRIORITY, max_attempts=5
    )


def complete_index(work: WorkFactory, kinds: Kinds, index: SearchIndex) -> int:
    """Jobs for recordings that the index lacks, as after a restore or a change of its shape, and
    an end to what it should not have; how many were missing."""
    kind = kinds.find(INDEX_FILE)
    assert isinstance(kind, Kind), "bootstrap registers search.index_file"
    with work(SYSTEM) as unit:
        indexed = index.indexed_files(unit.session)
        wanted = set(queries.transcribed_files(unit.session))
        for file_id in indexed - set(queries.existing_files(unit.session)):
            index.delete_file(unit.session, file_id)
        missing = sorted(wanted - indexed, reverse=True)
        waiting = set(queries.files_with_job(unit.session, INDEX_FILE))
        for file in queries.files_by_id(unit.session, set(missing) - waiting).values():
            JobService(unit, kinds).create(kind, user_id=file.user_id, file_id=file.id)
    return len(missing)


def begin_reindex(work: Work, kinds: Kinds) -> JobView:
    """A job that rebuilds; the one that waits or runs already, if there is one."""
    kind = kinds.find(NAME)
    assert isinstance(kind, Kind), "bootstrap registers search.reindex_all"
    jobs = JobService(work, kinds)
    job = queries.unfinished_job(work.session, NAME)
    return jobs.view(job or jobs.create(kind, user_id=work.actor.user_id))
