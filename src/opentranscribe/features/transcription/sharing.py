"""A long recording is offered to idle workers in parts, so that several decode it at once.

A part is a stretch of windows and a job of its own: leases, retries and drains hold for it as for
any other. It is less urgent than any recording, so that only workers that would be idle take it.
Who holds the recording's job works through all windows in order, takes back what nobody has
begun, and waits at the end for what others are at. Windows are decoded independently of each
other, so the text is the same whoever decodes them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

from opentranscribe.features.jobs.kinds import JobFacts, Kind, StepRun
from opentranscribe.features.jobs.service import JobService
from opentranscribe.features.transcription import part_queries
from opentranscribe.features.transcription.parts import Part
from opentranscribe.features.transcription.rules.parts import plan_parts
from opentranscribe.ports.asr import RecognitionInfo
from opentranscribe.work import SYSTEM, Work

PAUSE_SECONDS = 0.25


class Shared:
    """Implements :class:`opentranscribe.features.transcription.pipeline.Share`."""

    def __init__(self, run: StepRun, part_kind: Kind, version: str) -> None:
        assert run.job.file_id is not None
        self._run = run
        self._job: JobFacts = run.job
        self._file_id: int = run.job.file_id
        self._part_kind = part_kind
        self._version = version
        self._window_count: int | None = None
        self._parts: Mapping[int, int] = {}

    def offer(self, info: RecognitionInfo) -> None:
        """Once; parts that an earlier attempt offered are replaced."""
        if self._window_count is None:
            self._window_count = info.window_count
            self._parts = self._run.write(partial(self._put_parts, language=info.language))

    def take(self, window: int) -> bool:
        if window not in self._parts:
            return True
        return bool(self._run.write(partial(self._take_back, window=window)))

    def progress(self, fraction: float) -> None:
        """What others have done counts, too."""
        if self._parts and self._window_count:
            fraction = len(self._drafted()) / self._window_count
        self._run.progress(fraction)

    def wait(self) -> bool:
        while self._parts and self._window_count:
            drafted = self._drafted()
            self._run.progress(len(drafted) / self._window_count)
            missing = [index for index in self._parts if index not in drafted]
            if not missing:
                return False
            with self._run.work(SYSTEM) as work:
                held = set(part_queries.held_parts(work.session, self._file_id))
            if any(self._parts[index] not in held for index in missing):
                # Looked at again, because it may have been finished between the two looks.
                return not self._drafted().issuperset(missing)
            time.sleep(PAUSE_SECONDS)
        return False

    def withdraw(self, work: Work) -> None:
        part_queries.delete_parts(work.session, self._file_id)

    def _put_parts(self, work: Work, language: str) -> dict[int, int]:
        """The job of the part that each window belongs to."""
        self.withdraw(work)
        queue = part_queries.queue_of(work.session, self._job.id)
        parts = plan_parts(self._window_count or 0)
        if not parts or part_queries.workers_at(work.session, queue, self._version) < 2:
            return {}
        drafted = part_queries.drafted(work.session, self._job.id)
        jobs = JobService(work)
        found: dict[int, int] = {}
        for windows in parts:
            if drafted.issuperset(windows):
                continue
            wanted = Part(self._job.uuid, windows, self._window_count or 0, language)
            job = jobs.create(
                self._part_kind,
                file_id=self._file_id,
                payload=wanted.as_payload(),
                queue=queue,
            )
            found |= dict.fromkeys(windows, job.id)
        return found

    def _take_back(self, work: Work, window: int) -> bool:
        if part_queries.is_drafted(work.session, self._job.id, window):
            return False
        return part_queries.take_back(work.session, self._parts[window])

    def _drafted(self) -> frozenset[int]:
        with self._run.work(SYSTEM) as work:
            return part_queries.drafted(work.session, self._job.id)
