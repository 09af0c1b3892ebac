"""One thing that a repair does, with what it does to rows first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from opentranscribe.schema.migrations.repair.mender import Mender

Kind = Literal[
    "keep table",
    "drop",
    "rename",
    "create table",
    "add column",
    "move column",
    "change type",
    "default",
    "require",
    "allow empty",
    "add",
    "take out column",
    "rows",
]


@dataclass(frozen=True)
class Operation:
    """``mend`` prepares the rows, ``statements`` follow; ``quiet`` ones are steps of another."""

    kind: Kind
    subject: str
    detail: str
    statements: tuple[str, ...] = ()
    mend: Callable[[Mender], None] | None = None
    quiet: bool = False

    def run(self, mender: Mender) -> None:
        if self.mend:
            self.mend(mender)
        for statement in self.statements:
            mender.execute(statement)

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}" + (f": {self.detail}" if self.detail else "")
