"""Download from the Hugging Face hub: resumed where it was cut, verified against its own hashes."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from huggingface_hub import HfApi, file_download, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.file_download import http_get
from huggingface_hub.utils._headers import build_hf_headers

from opentranscribe.adapters.models.cache import HubCache
from opentranscribe.adapters.models.registry import ModelEntry
from opentranscribe.adapters.models.sources import SourceError
from opentranscribe.ports.progress import Progress

#: The hub client's HTTP library has its own errors; which library it is changed over time.
_TRANSPORT_ERROR: type[Exception] = next(
    library.HTTPError
    for name in ("httpx2", "httpx", "requests")
    if (library := getattr(file_download, name, None)) is not None
)
_CONNECT_SECONDS = 5.0
#: How long an unreachable hub is not asked again.
_SILENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _HubFile:
    path: str
    size_bytes: int
    #: SHA-256 of large files, git's blob SHA-1 of small ones: also the blob's name in the cache.
    etag: str


class HubSource:
    def __init__(self, cache: HubCache, endpoint: str, token: str | None) -> None:
        self._cache = cache
        self._endpoint = endpoint.rstrip("/")
        self._token = token
        self._silent_until = 0.0

    def label(self, entry: ModelEntry) -> str | None:
        return f"{self._endpoint}/{entry.repo}" if entry.on_hub else None

    def fetch(self, entry: ModelEntry, progress: Progress) -> Path:
        revision, files = self._list_files(entry)
        total = sum(item.size_bytes for item in files) or 1
        done = 0
        for item in files:
            blob = self._fetch_blob(entry, revision, item, _Share(progress, done, total))
            _link(blob, self._cache.snapshot_folder(entry, revision) / item.path)
            done += item.size_bytes
        progress(1.0)
        return self._cache.publish(entry, revision, f"hub {revision}")

    def _list_files(self, entry: ModelEntry) -> tuple[str, list[_HubFile]]:
        if time.monotonic() < self._silent_until:
            raise SourceError(f"{self._endpoint} did not answer a moment ago")
        api = HfApi(endpoint=self._endpoint, token=self._token or False)
        try:
            info = api.model_info(entry.repo, files_metadata=True, timeout=_CONNECT_SECONDS)
        except HfHubHTTPError as error:
            raise SourceError(f"{self._endpoint} refused {entry.repo}: {error}") from error
        except (OSError, HFValidationError, _TRANSPORT_ERROR) as error:
            self._silent_until = time.monotonic() + _SILENCE_SECONDS
            raise SourceError(f"{self._endpoint} could not be reached") from error
        files = [
            _HubFile(item.rfilename, item.size or 0, _etag(item))
            for item in info.siblings or ()
            if any(fnmatch.fnmatch(item.rfilename, pattern) for pattern in _wanted(entry))
        ]
        if not info.sha or not files:
            raise SourceError(f"{self._endpoint} lists no files for {entry.repo}")
        return info.sha, files

    def _fetch_blob(self, entry: ModelEntry, revision: str, item: _HubFile, share: _Share) -> Path:
        blob = self._cache.repo_folder(entry) / "blobs" / item.etag
        if blob.is_file() and _fits(blob, item):
            return blob
        blob.parent.mkdir(parents=True, exist_ok=True)
        partial = blob.with_name(f"{item.etag}.incomplete")
        self._download(entry, revision, item, partial, share)
        if not _fits(partial, item):
            # What was resumed may have been bad from the start: once more from nothing.
            partial.unlink(missing_ok=True)
            self._download(entry, revision, item, partial, share)
            if not _fits(partial, item):
                partial.unlink(missing_ok=True)
                raise SourceError(f"{item.path} arrived damaged from {self._endpoint}")
        partial.replace(blob)
        return blob

    def _download(
        self, entry: ModelEntry, revision: str, item: _HubFile, partial: Path, share: _Share
    ) -> None:
        url = hf_hub_url(entry.repo, item.path, revision=revision, endpoint=self._endpoint)
        present = partial.stat().st_size if partial.exists() else 0
        if present > item.size_bytes:
            partial.unlink()
            present = 0
        try:
            with partial.open("ab") as handle:
                http_get(
                    url,
                    handle,
                    resume_size=present,
                    headers=build_hf_headers(token=self._token or False),
                    expected_size=item.size_bytes,
                    tqdm_class=share.meter(),
                )
        except (OSError, _TRANSPORT_ERROR) as error:
            raise SourceError(f"{item.path} could not be downloaded: {error}") from error


class _Share:
    """One file's part of the whole progress."""

    def __init__(self, progress: Progress, done: int, total: int) -> None:
        self._progress = progress
        self._done = done
        self._total = total

    def meter(self) -> type[Any]:
        """A class that looks to the hub's client like a progress bar and shows nothing."""
        share = self

        class Meter:
            def __init__(self, *_args: Any, **options: Any) -> None:
                self._bytes_done = int(options.get("initial") or 0)

            def update(self, count: float | None = 1) -> None:
                self._bytes_done += int(count or 0)
                share.report(self._bytes_done)

            def close(self) -> None:
                return

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_exc: object) -> None:
                return

        return Meter

    def report(self, file_bytes: int) -> None:
        self._progress(min((self._done + file_bytes) / self._total, 1.0))


def _wanted(entry: ModelEntry) -> tuple[str, ...]:
    return (*entry.required, "preprocessor_config.json")


def _etag(item: Any) -> str:
    return str(item.lfs.sha256 if item.lfs else item.blob_id)


def _fits(path: Path, item: _HubFile) -> bool:
    if path.stat().st_size != item.size_bytes:
        return False
    digest: Any
    if len(item.etag) == 64:
        digest = hashlib.sha256()
    else:
        digest = hashlib.sha1(usedforsecurity=False)
        digest.update(f"blob {item.size_bytes}\0".encode())
    with path.open("rb") as handle:
        while chunk := handle.read(1 << 20):
            digest.update(chunk)
    return bool(digest.hexdigest() == item.etag)


def _link(blob: Path, pointer: Path) -> None:
    """As the hub's own cache does it: a relative link, or a copy where links are not possible."""
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.unlink(missing_ok=True)
    try:
        pointer.symlink_to(os.path.relpath(blob, pointer.parent))
    except OSError:
        blob.replace(pointer)
