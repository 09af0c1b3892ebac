"""Where model files come from: this machine's cache, the hub, or a Python package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from opentranscribe.ports.progress import Progress, ignore_progress

#: "sample" is no model but a recording to try the program with; it is kept and checked alike.
Purpose = Literal["recognition", "diarization", "embedding", "sample"]


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """``sources`` are tried in order; ``folder`` is where a user may put the files by hand."""

    name: str
    purpose: Purpose
    size_bytes: int
    state: Literal["ready", "missing", "damaged"]
    folder: Path
    sources: tuple[str, ...]
    licence: str


class ModelStore(Protocol):
    def list_models(self) -> list[ModelStatus]: ...

    def find(self, name: str) -> Path | None:
        """The folder of a model that is present and whole, without touching the network."""
        ...

    def fetch(self, name: str, progress: Progress = ignore_progress) -> Path:
        """The folder of the model, fetched, resumed and verified if need be.

        Raises ModelMissingError when no source has it; the message says which file to put where.
        """
        ...

    def check(self, name: str) -> ModelStatus:
        """Read every byte of a model and compare; ``find`` only looks at sizes and times."""
        ...
