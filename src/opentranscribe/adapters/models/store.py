"""The model store: one way to ask for a model, whichever of its sources has it."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from opentranscribe.adapters.models.cache import HubCache, State, missing_patterns
from opentranscribe.adapters.models.hub import HubSource
from opentranscribe.adapters.models.packages import PackageFiles
from opentranscribe.adapters.models.registry import (
    ENTRIES,
    WHISPER_FILES,
    ModelEntry,
)
from opentranscribe.adapters.models.sources import ModelSource, SourceError
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.asr import ModelMissingError
from opentranscribe.ports.models import ModelStatus
from opentranscribe.ports.progress import Progress, ignore_progress

_LOCK_POLL_SECONDS = 1.0


class ModelSpaceError(UnavailableError):
    code = "model_no_space"
    transient = False


class CachedModelStore:
    """Implements :class:`opentranscribe.ports.models.ModelStore`.

    A name is looked for as a path, then in ``cache_dir/<name>`` (files a user put there), then in
    the hub cache below ``cache_dir``, then on the hub, then in a Python package. ``offline`` leaves
    the last two out.
    """

    def __init__(
        self,
        cache_dir: Path,
        *,
        hub_endpoint: str = "https://huggingface.co",
        offline: bool = False,
        hub_token: str | None = None,
        entries: Sequence[ModelEntry] = ENTRIES,
        sources: Sequence[ModelSource] | None = None,
    ) -> None:
        self._cache = HubCache(cache_dir.resolve())
        self._entries = {entry.name: entry for entry in entries}
        if sources is None:
            sources = (
                HubSource(self._cache, hub_endpoint, hub_token),
                PackageFiles(self._cache),
            )
        self._sources: tuple[ModelSource, ...] = () if offline else tuple(sources)
        self._offline = offline

    @property
    def entries(self) -> tuple[ModelEntry, ...]:
        return tuple(self._entries.values())

    def list_models(self) -> list[ModelStatus]:
        return [self._status(entry, self._state(entry)) for entry in self._entries.values()]

    def find(self, name: str) -> Path | None:
        by_hand = self._find_by_hand(name)
        if by_hand is not None:
            return by_hand
        entry = self._entries.get(name)
        if entry is not None and self._cache.state(entry) == "ready":
            return self._cache.current_snapshot(entry)
        return None

    def fetch(self, name: str, progress: Progress = ignore_progress) -> Path:
        found = self.find(name)
        if found is not None:
            return found
        entry = self._entries.get(name)
        if entry is None:
            raise self._unknown(name)
        try:
            return self._fetch_locked(entry, progress)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise ModelSpaceError(
                f"There is no room left on the disk for the model “{name}” "
                f"({_megabytes(entry.size_bytes)}). Your recordings are safe. Free some space "
                f"in {self._cache.root} and try again.",
                model=name,
            ) from error

    def check(self, name: str) -> ModelStatus:
        entry = self._entries.get(name)
        if entry is None:
            raise self._unknown(name)
        if self._find_by_hand(name) is not None:
            return self._status(entry, "ready")
        return self._status(entry, self._cache.state(entry, thorough=True))

    def _fetch_locked(self, entry: ModelEntry, progress: Progress) -> Path:
        lock = FileLock(self._cache.lock_path(entry))
        Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                lock.acquire(timeout=_LOCK_POLL_SECONDS)
                break
            except Timeout:
                # Another process is fetching it; keep listening for a cancel meanwhile.
                progress(0.0)
        try:
            state = self._cache.state(entry, thorough=True)
            if state == "ready":
                folder = self._cache.current_snapshot(entry)
                if folder is not None:
                    return folder
            if state == "damaged":
                self._cache.discard(entry)
            return self._fetch_from_sources(entry, progress)
        finally:
            lock.release()

    def _fetch_from_sources(self, entry: ModelEntry, progress: Progress) -> Path:
        reasons: list[str] = []
        for source in self._sources:
            if source.label(entry) is None:
                continue
            try:
                return source.fetch(entry, progress)
            except SourceError as error:
                reasons.append(str(error))
        if self._offline:
            reasons.append("downloads are switched off")
        raise self._missing(entry, reasons)

    def _find_by_hand(self, name: str) -> Path | None:
        """A path, or a folder of that name in the cache, whose files are complete."""
        entry = self._entries.get(name)
        required = entry.required if entry else WHISPER_FILES
        candidate = Path(name).expanduser() if _is_path(name) else self._hand_folder(name)
        if candidate.is_dir() and not missing_patterns(candidate, required):
            return candidate
        return None

    def _hand_folder(self, name: str) -> Path:
        return self._cache.root / name

    def _state(self, entry: ModelEntry) -> State:
        if self._find_by_hand(entry.name) is not None:
            return "ready"
        return self._cache.state(entry)

    def _status(self, entry: ModelEntry, state: State) -> ModelStatus:
        labels = (source.label(entry) for source in self._sources)
        return ModelStatus(
            name=entry.name,
            purpose=entry.purpose,
            size_bytes=entry.size_bytes,
            state=state,
            folder=self._hand_folder(entry.name),
            sources=tuple(label for label in labels if label),
            licence=entry.licence,
        )

    def _missing(self, entry: ModelEntry, reasons: list[str]) -> ModelMissingError:
        why = "; ".join(reasons) or "no source carries it"
        files = ", ".join(entry.required)
        return ModelMissingError(
            f"The model “{entry.name}” is not on this machine and could not be fetched: {why}. "
            f"Nothing was lost. Put these files into {self._hand_folder(entry.name)}: {files}. "
            f"Or choose another model{self._ready_names(entry)}.",
            model=entry.name,
            folder=str(self._hand_folder(entry.name)),
        )

    def _ready_names(self, wanted: ModelEntry) -> str:
        names = [
            entry.name
            for entry in self._entries.values()
            if entry.purpose == wanted.purpose and self._state(entry) == "ready"
        ]
        return f"; ready now: {', '.join(names)}" if names else ""

    def _unknown(self, name: str) -> ModelMissingError:
        files = ", ".join(WHISPER_FILES)
        if _is_path(name):
            return ModelMissingError(
                f"The folder {name} does not hold a complete model. Needed in it: {files}.",
                model=name,
            )
        known = ", ".join(self._entries)
        return ModelMissingError(
            f"No model is called “{name}”. Known: {known}. A model of your own goes into "
            f"{self._hand_folder('NAME')} with these files: {files}.",
            model=name,
        )


def _is_path(name: str) -> bool:
    return "/" in name or "\\" in name or name.startswith("~") or name in {".", ".."}


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:.0f} MB"
