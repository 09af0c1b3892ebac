"""The job of one part of a long recording: decode some of its windows for whoever holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from opentranscribe.features.jobs import queries as job_queries
from opentranscribe.features.jobs.kinds import JobFacts, Kind, Outcome, Results, Step, StepRun
from opentranscribe.features.jobs.lease import facts_of
from opentranscribe.features.transcription.part_queries import PART
from opentranscribe.features.transcription.pipeline import Pipeline
from opentranscribe.features.transcription.preparation import prepare_pipeline
from opentranscribe.ports import Ports
from opentranscribe.work import SYSTEM, WorkFactory

#: Recordings that wait come first.
PRIORITY = 6


@dataclass(frozen=True, slots=True)
class Part:
    """Windows ``first`` to ``end`` (excluded) of the recording that ``job`` is transcribing."""

    job: UUID
    windows: range
    window_count: int
    language: str

    def as_payload(self) -> dict[str, Any]:
        return {
            "job": str(self.job),
            "first": self.windows.start,
            "end": self.windows.stop,
            "window_count": self.window_count,
            "language": self.language,
        }

    @classmethod
    def of_payload(cls, payload: Mapping[str, Any]) -> Part:
        windows = range(payload["first"], payload["end"])
        return cls(UUID(payload["job"]), windows, payload["window_count"], payload["language"])


@dataclass(frozen=True, slots=True)
class WantedPart:
    """A part, with what the job of the whole recording has found so far."""

    part: Part
    pipeline: Pipeline
    results: Results


def part_kind(ports: Ports, scratch_dir: Path, queue: str) -> Kind:
    return Kind(
        PART,
        queue,
        (Step("recognise", "Transcribing a part", recognise_part),),
        prepare=partial(prepare_part, ports, scratch_dir),
        priority=PRIORITY,
        max_attempts=2,
        notice=None,
    )


def prepare_part(
    ports: Ports, scratch_dir: Path, job: JobFacts, work_factory: WorkFactory
) -> WantedPart | None:
    """None when nobody waits for it any more."""
    part = Part.of_payload(job.payload)
    with work_factory(SYSTEM) as work:
        whole = job_queries.find_job(work.session, part.job)
        if whole is None or whole.status not in job_queries.OPEN:
            return None
        steps = job_queries.steps_of(work.session, whole.id)
        facts = facts_of(work, whole)
    results = {name: dict(row.result) for name, row in steps.items() if row.status == "done"}
    return WantedPart(part, prepare_pipeline(ports, scratch_dir, facts, work_factory), results)


def recognise_part(wanted: WantedPart | None, run: StepRun) -> Outcome:
    if wanted is not None:
        part = wanted.part
        wanted.pipeline.transcribe_part(
            run, wanted.results, part.windows, part.window_count, part.language
        )
    return Outcome()
