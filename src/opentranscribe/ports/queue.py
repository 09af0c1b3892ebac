"""Carrying the ids of job rows to workers. The row is the truth; a lost message is harmless."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

#: Recognition of speech and speakers, on whatever computes it fastest.
GPU = "gpu"
#: Recognition with models that need no graphics card, and work on everything at once.
CPU = "cpu"
#: Fetching models and media from elsewhere.
DOWNLOAD = "download"
#: Understanding texts.
NLP = "nlp"
#: Making transcripts searchable.
EMBEDDING = "embedding"
#: Everything short.
UTILITY = "utility"
QUEUES = (GPU, CPU, DOWNLOAD, NLP, EMBEDDING, UTILITY)


@dataclass(frozen=True, slots=True)
class Envelope:
    """``priority`` 0 is most urgent, 9 least."""

    job_uuid: str
    queue: str
    priority: int


#: Uuids of jobs of some queues that could be begun now, by their rows, most urgent first.
Waiting = Callable[[Sequence[str]], Sequence[str]]


class Queue(Protocol):
    def enqueue(self, session: Session, envelope: Envelope) -> None:
        """Within the caller's transaction: the message exists iff that transaction commits.

        Delivering the same id twice is harmless, so that a sweeper may repeat itself.
        """
        ...

    def work(
        self,
        queues: Sequence[str],
        handle: Callable[[str], None],
        *,
        concurrency: int = 1,
        waiting: Waiting | None = None,
    ) -> None:
        """Deliver job uuids to ``handle`` until stopped (SIGTERM finishes what runs). ``handle``
        never raises for a failed job: what happened is in the job's row. An engine that cannot
        have messages asks ``waiting`` meanwhile."""
        ...

    def counts(self, session: Session) -> dict[str, int]:
        """Waiting messages by queue."""
        ...

    def ping(self) -> None: ...
