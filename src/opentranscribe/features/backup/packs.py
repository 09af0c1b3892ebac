"""Files of many chunks, one after the other; named by the SHA-256 of the whole when they are done."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import threading
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from opentranscribe.features.backup import columns
from opentranscribe.features.backup.errors import BackupDamagedError
from opentranscribe.features.backup.manifest import Chunk, Pack
from opentranscribe.kit.durable import sync_folder

FOLDER = "database"
READ_BYTES = 1 << 20


class PackWriter:
    """``key`` None writes what anybody can read. The place of a chunk is its nonce: a pack has a
    key of its own, so none is used twice."""

    def __init__(self, folder: Path, key: bytes | None) -> None:
        folder.mkdir(exist_ok=True, mode=0o700)
        self.folder = folder
        self._cipher = AESGCM(key) if key else None
        self._draft = folder / f".{secrets.token_hex(8)}"
        descriptor = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._handle = os.fdopen(descriptor, "wb")
        self._digest = hashlib.sha256()
        self._one_at_a_time = threading.Lock()
        self.size = 0

    def add(self, blob: bytes) -> tuple[int, int]:
        """Offset and length in the pack. May be called by several threads."""
        with self._one_at_a_time:
            if self._cipher:
                blob = self._cipher.encrypt(_nonce(self.size), blob, None)
            self._handle.write(blob)
            self._digest.update(blob)
            place = self.size
            self.size += len(blob)
            return place, len(blob)

    def finish(self) -> Pack:
        """Forced to disk, under its final name."""
        self._handle.flush()
        os.fsync(self._handle.fileno())
        self._handle.close()
        pack = Pack(self._digest.hexdigest(), self.size)
        self._draft.rename(self.folder / pack.sha256)
        sync_folder(self.folder)
        return pack

    def drop(self) -> None:
        self._handle.close()
        self._draft.unlink(missing_ok=True)


class PackReader:
    """Reads chunks of the packs of one backup; ``keys`` by the SHA-256 of the pack."""

    def __init__(self, folder: Path, packs: list[Pack], keys: dict[str, bytes]) -> None:
        self._folder = folder / FOLDER
        self._packs = packs
        self._keys = keys

    def read(self, chunk: Chunk) -> bytes:
        """The rows (or, where there are none, the bytes) that were put in, proven by their digest.

        Raises BackupDamagedError.
        """
        blob = self.prove(chunk)
        return columns.decode(blob) if chunk.rows else blob

    def prove(self, chunk: Chunk) -> bytes:
        """The chunk as it lies there. Raises BackupDamagedError unless its digest is right."""
        blob = self._blob(chunk)
        found = columns.digest_blob(blob) if chunk.rows else hashlib.sha256(blob).hexdigest()
        if found != chunk.sha256:
            raise BackupDamagedError("Rows in the backup are not those that were written.")
        return blob

    def require_whole(self, pack: Pack) -> None:
        """Raises BackupDamagedError when the file's bytes are not what its name says."""
        path = self._folder / pack.sha256
        if not path.is_file():
            raise BackupDamagedError(f"The file {FOLDER}/{pack.sha256} is missing.")
        if path.stat().st_size != pack.size or hash_file(path) != pack.sha256:
            raise BackupDamagedError(f"The file {FOLDER}/{pack.sha256} is damaged.")

    def _blob(self, chunk: Chunk) -> bytes:
        try:
            pack = self._packs[chunk.pack]
            with (self._folder / pack.sha256).open("rb") as handle:
                handle.seek(chunk.offset)
                blob = handle.read(chunk.length)
        except (OSError, IndexError) as error:
            raise BackupDamagedError(f"A part of the backup is missing: {error}.") from error
        if len(blob) != chunk.length:
            raise BackupDamagedError(f"The file {FOLDER}/{pack.sha256} is cut off.")
        key = self._keys.get(pack.sha256)
        if key is None:
            return blob
        try:
            return AESGCM(key).decrypt(_nonce(chunk.offset), blob, None)
        except InvalidTag as error:
            raise BackupDamagedError(f"The file {FOLDER}/{pack.sha256} is damaged.") from error


def link_or_copy(source: Path, target: Path) -> None:
    """One more name for the same bytes where the disk can, else a copy forced to disk."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:
        draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        with source.open("rb") as origin, draft.open("xb") as copy:
            draft.chmod(0o600)
            shutil.copyfileobj(origin, copy, READ_BYTES)
            copy.flush()
            os.fsync(copy.fileno())
        draft.rename(target)


def hash_file(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _nonce(offset: int) -> bytes:
    return offset.to_bytes(12, "big")
