"""What every source of model files has in common: how it fails and how it reports progress."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from opentranscribe.adapters.models.registry import ModelEntry
from opentranscribe.ports.progress import Progress


class SourceError(Exception):
    """This source cannot give the model; the text, part of a sentence, says why."""


class ModelSource(Protocol):
    def label(self, entry: ModelEntry) -> str | None:
        """How people know this source, or None when it does not carry the model."""
        ...

    def fetch(self, entry: ModelEntry, progress: Progress) -> Path:
        """Put a verified model into the cache. Raises SourceError, Cancelled."""
        ...
