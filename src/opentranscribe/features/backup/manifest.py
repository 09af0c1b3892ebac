"""What a full backup says of itself: what is in it, where, and the digest of every part.

Its own digest is its last line, and every part is named by content, so that no change of a byte, a
name or an order anywhere in the folder goes unnoticed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opentranscribe.features.backup.catalogue import MANIFEST
from opentranscribe.features.backup.errors import BackupDamagedError, BackupUnsuitableError
from opentranscribe.kit.durable import write_durably

FORMAT = 1
_LAST = "SHA-256 "


@dataclass(frozen=True)
class Chunk:
    """Rows of a range of keys. ``mark`` is equal when no row of the range was written since;
    ``sha256`` is as in `columns`."""

    range: int
    rows: int
    mark: int
    pack: int
    offset: int
    length: int
    sha256: str


@dataclass(frozen=True)
class TableEntry:
    schema: str
    name: str
    oid: int
    columns: list[str]
    key: list[str]
    has_number_key: bool
    rows: int
    digest: str
    chunks: list[Chunk]

    @property
    def title(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Pack:
    """A file of chunks, named by what it contains; ``key`` is sealed with the backup's key."""

    sha256: str
    size: int
    key: str = ""


@dataclass(frozen=True)
class MediaEntry:
    """An object of the store. ``sha256`` is of its bytes, ``stored`` the name of the file in the
    backup; time and inode tell whether it must be read again. ``key`` as in `Pack`."""

    object: str
    size: int
    sha256: str
    stored: str
    mtime_ns: int = 0
    inode: int = 0
    key: str = ""


@dataclass(frozen=True)
class Manifest:
    """``database`` identifies the database on its server; ``missing`` are objects that rows name
    but the store did not have; ``sealed`` are the secrets and ``.env``, in hexadecimal."""

    name: str
    made_at: str
    version: str
    revision: str | None
    fingerprint: str
    server_major: int
    database: str
    is_encrypted: bool
    wrapped: dict[str, str]
    sealed: str
    schema_key: str
    schema: Chunk
    packs: list[Pack]
    tables: list[TableEntry]
    sequences: list[dict[str, Any]]
    media: list[MediaEntry]
    missing: list[str] = field(default_factory=list)
    format: int = FORMAT

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    content: dict[str, Any] = dict(vars(manifest))
    content["schema"] = vars(manifest.schema)
    content["packs"] = [vars(pack) for pack in manifest.packs]
    content["tables"] = [
        {**vars(table), "chunks": [list(vars(chunk).values()) for chunk in table.chunks]}
        for table in manifest.tables
    ]
    content["media"] = [list(vars(entry).values()) for entry in manifest.media]
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    seal = f"{_LAST}{hashlib.sha256(body).hexdigest()}\n".encode()
    write_durably(folder / MANIFEST, body + seal)


def read_manifest(folder: Path, *, name: str | None = None) -> Manifest:
    """``name`` is what the manifest must call itself; the folder's own by default.

    Raises BackupDamagedError, BackupUnsuitableError.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise BackupDamagedError(f"{folder.name} has no {MANIFEST}; it is no backup.") from error
    body, found, seal = content.rpartition(_LAST.encode())
    if not found or seal != hashlib.sha256(body).hexdigest().encode() + b"\n":
        raise BackupDamagedError(f"The {MANIFEST} of {folder.name} is damaged.")
    try:
        manifest = _parse(json.loads(body))
    except (ValueError, KeyError, TypeError) as error:
        raise BackupDamagedError(f"The {MANIFEST} of {folder.name} cannot be read.") from error
    if manifest.format > FORMAT:
        raise BackupUnsuitableError(
            f"{folder.name} was made by a later release ({manifest.version}). Nothing was changed."
            " Update first: ./opentr.sh update"
        )
    if manifest.name != (name or folder.name):
        raise BackupDamagedError(f"{folder.name} has the {MANIFEST} of {manifest.name}.")
    return manifest


def _parse(content: dict[str, Any]) -> Manifest:
    content["schema"] = Chunk(**content["schema"])
    content["packs"] = [Pack(**pack) for pack in content["packs"]]
    content["media"] = [MediaEntry(*entry) for entry in content["media"]]
    for table in content["tables"]:
        table["chunks"] = [Chunk(*chunk) for chunk in table["chunks"]]
    content["tables"] = [TableEntry(**table) for table in content["tables"]]
    return Manifest(**content)
