"""How a feature describes work: a kind is a table of steps and what to do when they end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from opentranscribe.ports.progress import Progress
from opentranscribe.work import Work, WorkFactory

T = TypeVar("T")
Change = Callable[[Work], T]
#: In the payload of every job that was asked for within a span: that span's ``traceparent``.
WITHIN = "traceparent"

Results = Mapping[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class JobFacts:
    """The job as it was when this attempt began."""

    id: int
    uuid: UUID
    kind: str
    user_id: int | None
    file_id: int | None
    file_uuid: UUID | None
    payload: Mapping[str, Any]
    attempt: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something ended: a code for programs, a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step found.

    ``result`` is kept for later steps, also after a crash. ``write`` is applied in the transaction
    that marks the step done, so that both or neither are there.
    """

    result: dict[str, Any] = field(default_factory=dict)
    write: Callable[[Work], None] | None = None


@dataclass(frozen=True, slots=True)
class StepRun:
    """What a running step may use.

    ``progress`` raises Cancelled when the work is no longer wanted. ``write`` runs a change in a
    transaction of its own that fails with LeaseLostError when the job is no longer ours, and
    waits for a database that is away; a change must therefore bear being repeated.
    """

    job: JobFacts
    results: Results
    progress: Progress
    write: Callable[[Change[Any]], Any]
    work: WorkFactory


def always(_subject: Any, _results: Results) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the table.

    ``run`` gets what :attr:`Kind.prepare` made. ``optional`` steps may fail alone. ``weight`` is
    the share of progress as long as no speed has been measured. A step that is not ``wanted``, given
    the results so far, is skipped.
    """

    name: str
    label: str
    run: Callable[[Any, StepRun], Outcome]
    after: tuple[str, ...] = ()
    weight: float = 1.0
    optional: bool = False
    wanted: Callable[[Any, Results], bool] = always


def nothing_to_do(*_: Any) -> None:
    """The default of a hook."""


def no_subject(_job: JobFacts, _work: WorkFactory) -> None:
    """For kinds whose steps need nothing prepared."""


@dataclass(frozen=True, slots=True)
class Kind:
    """``prepare`` runs before the steps of an attempt, outside any transaction, and may read.

    Hooks run in the transaction that records what they are told of: ``on_start`` at the beginning
    of an attempt, ``on_step_failure`` when an optional step fails, and one of ``on_success``,
    ``on_failure``, ``on_cancel`` at the end. ``size`` (for instance seconds of sound) and
    ``variant`` (for instance the model) of a prepared subject are what speed is learnt by.
    ``choose_queue`` may name another queue for a payload. ``notice`` is the type of the live
    notices of progress; None for work that nobody watches.
    """

    name: str
    queue: str
    steps: tuple[Step, ...]
    prepare: Callable[[JobFacts, WorkFactory], Any] = no_subject
    max_attempts: int = 3
    priority: int = 5
    notice: str | None = "job_status"
    choose_queue: Callable[[Mapping[str, Any]], str | None] = lambda _payload: None
    size: Callable[[Any, Results], float | None] = lambda _subject, _results: None
    variant: Callable[[Any], str] = lambda _subject: ""
    on_start: Callable[[Work, JobFacts], None] = nothing_to_do
    on_success: Callable[[Work, JobFacts], None] = nothing_to_do
    on_failure: Callable[[Work, JobFacts, Failure], None] = nothing_to_do
    on_cancel: Callable[[Work, JobFacts], None] = nothing_to_do
    on_step_failure: Callable[[Work, JobFacts, Step, Failure], None] = nothing_to_do

    def step(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)


def single_step_kind(
    name: str, queue: str, label: str, run: Callable[[StepRun], None], **options: Any
) -> Kind:
    """A kind for work that has no parts."""

    def run_step(_subject: Any, step_run: StepRun) -> Outcome:
        run(step_run)
        return Outcome()

    return Kind(name, queue, (Step("run", label, run_step),), **options)


class Kinds:
    """The kinds that this installation knows; filled once by bootstrap."""

    def __init__(self, *kinds: Kind) -> None:
        self._kinds: dict[str, Kind] = {}
        for kind in kinds:
            self.register(kind)

    def register(self, kind: Kind) -> None:
        if kind.name in self._kinds:
            raise ValueError(f"the kind of job {kind.name!r} is registered twice")
        self._kinds[kind.name] = kind

    def find(self, name: str) -> Kind | None:
        return self._kinds.get(name)

    def label(self, kind: str, step: str) -> str:
        known = self._kinds.get(kind)
        labels = {one.name: one.label for one in known.steps} if known else {}
        return labels.get(step, step.replace("_", " "))
