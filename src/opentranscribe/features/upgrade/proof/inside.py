"""Probes that no visitor can carry out: the database, and the files that are stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from opentranscribe.features.upgrade.proof import queries
from opentranscribe.features.upgrade.proof.people import DOMAIN
from opentranscribe.features.upgrade.proof.visitor import ProbeFailedError
from opentranscribe.kit.errors import AppError
from opentranscribe.ports.objects import Objects
from opentranscribe.work import SYSTEM, WorkFactory

FIRST_BYTES = 1024


@dataclass(frozen=True)
class Inside:
    """``require_schema`` raises when the database does not suit this release."""

    work: WorkFactory
    objects: Objects
    require_schema: Callable[[], None]

    @property
    def probes(self) -> tuple[tuple[str, Callable[[], str]], ...]:
        return (
            ("schema", self.schema),
            ("stored files", self.stored),
            ("sample of rows", self.rows),
        )

    def schema(self) -> str:
        self.require_schema()
        return "The database is what this release needs."

    def stored(self) -> str:
        with self.work(SYSTEM) as unit:
            paths = queries.list_stored(unit)
        for path in paths:
            self.objects.stat(path)
        self.objects.ping()
        return f"{len(paths)} stored files are where they belong."

    def rows(self) -> str:
        with self.work(SYSTEM) as unit:
            count, digest = queries.digest_sample(unit)
        return f"The passages of {count} recordings can be read ({(digest or '')[:8]})."

    def nothing_left(self) -> str:
        with self.work(SYSTEM) as unit:
            left = queries.list_people(unit, DOMAIN)
        if left:
            raise ProbeFailedError("the person made for the proof is still there")
        return "The proof has cleared up after itself."

    def first_bytes(self, path: str) -> bytes:
        """Nothing where it is not there, which a probe of its own says."""
        try:
            with self.objects.local_path(path).open("rb") as stored:
                return stored.read(FIRST_BYTES)
        except (AppError, OSError):
            return b""
