"""The cache folder: laid out like the Hugging Face hub cache, each model with a manifest of hashes.

``<root>/huggingface/hub/models--ORG--NAME/{blobs,refs,snapshots}``: tools of the hub can read what
is stored here and this program can read what they stored.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from opentranscribe.adapters.models.registry import ModelEntry

MANIFEST = ".opentranscribe.json"
State = Literal["ready", "missing", "damaged"]
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as it was when it was verified; a changed time alone leads to a full look."""

    path: str
    size_bytes: int
    sha256: str
    mtime_ns: int


def hash_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def missing_patterns(folder: Path, required: tuple[str, ...]) -> list[str]:
    """The required patterns that no non-empty file in ``folder`` fits."""
    return [
        pattern
        for pattern in required
        if not any(path.is_file() and path.stat().st_size > 0 for path in folder.glob(pattern))
    ]


class HubCache:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.hub = root / "huggingface" / "hub"

    def repo_folder(self, entry: ModelEntry) -> Path:
        return self.hub / f"models--{entry.repo.replace('/', '--')}"

    def snapshot_folder(self, entry: ModelEntry, revision: str) -> Path:
        return self.repo_folder(entry) / "snapshots" / revision

    def lock_path(self, entry: ModelEntry) -> Path:
        return self.root / ".locks" / f"{entry.name}.lock"

    def current_snapshot(self, entry: ModelEntry) -> Path | None:
        """The snapshot that ``refs/main`` names, else the newest one."""
        repo = self.repo_folder(entry)
        ref = repo / "refs" / "main"
        if ref.is_file():
            named = repo / "snapshots" / ref.read_text("utf-8").strip()
            if named.is_dir() and named.parent == repo / "snapshots":
                return named
        folders = [path for path in repo.glob("snapshots/*") if path.is_dir()]
        return max(folders, key=lambda path: path.stat().st_mtime_ns, default=None)

    def publish(self, entry: ModelEntry, revision: str, source: str) -> Path:
        """Write the manifest of a complete snapshot and point ``refs/main`` at it."""
        folder = self.snapshot_folder(entry, revision)
        write_manifest(folder, source)
        ref = self.repo_folder(entry) / "refs" / "main"
        ref.parent.mkdir(parents=True, exist_ok=True)
        _write_atomically(ref, revision)
        return folder

    def state(self, entry: ModelEntry, *, thorough: bool = False) -> State:
        folder = self.current_snapshot(entry)
        if folder is None:
            return "missing"
        if missing_patterns(folder, entry.required):
            return "damaged" if (folder / MANIFEST).exists() else "missing"
        if not (folder / MANIFEST).exists():
            return self._adopt(entry, folder)
        return "ready" if _matches_manifest(folder, thorough=thorough) else "damaged"

    def discard(self, entry: ModelEntry) -> None:
        """Remove the current snapshot and what it links to; parts of downloads stay."""
        folder = self.current_snapshot(entry)
        if folder is None:
            return
        for path in folder.rglob("*"):
            if path.is_symlink():
                path.resolve().unlink(missing_ok=True)
        shutil.rmtree(folder)

    def _adopt(self, entry: ModelEntry, folder: Path) -> State:
        """A snapshot somebody else put here: the hub names blobs by hash, which can be checked."""
        for path in sorted(folder.rglob("*")):
            blob = path.resolve()
            if path.is_symlink() and len(blob.name) == 64 and hash_file(blob) != blob.name:
                return "damaged"
        try:
            write_manifest(folder, "found in the cache")
        except OSError:
            # A cache mounted read-only is checked again each time.
            return "ready"
        return "ready"


def write_manifest(folder: Path, source: str) -> None:
    records = [
        asdict(_record(folder, path))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    ]
    text = json.dumps({"source": source, "files": records}, indent=1)
    _write_atomically(folder / MANIFEST, text)


def _record(folder: Path, path: Path) -> FileRecord:
    stat = path.stat()
    return FileRecord(
        path.relative_to(folder).as_posix(), stat.st_size, hash_file(path), stat.st_mtime_ns
    )


def _matches_manifest(folder: Path, *, thorough: bool) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        records = [FileRecord(**item) for item in manifest["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    touched = False
    for record in records:
        path = folder / record.path
        if not path.is_file() or path.stat().st_size != record.size_bytes:
            return False
        if path.stat().st_mtime_ns != record.mtime_ns:
            touched = True
        elif not thorough:
            continue
        if hash_file(path) != record.sha256:
            return False
    if touched:
        _restamp(folder, str(manifest.get("source", "")))
    return True


def _restamp(folder: Path, source: str) -> None:
    """Copied caches have new times: note them, so that the next look is cheap again."""
    try:
        write_manifest(folder, source)
    except OSError:
        return


def _write_atomically(path: Path, text: str) -> None:
    scratch = path.with_name(path.name + ".new")
    scratch.write_text(text, "utf-8")
    scratch.replace(path)
