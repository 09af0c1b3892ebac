"""Reading a full backup again, every byte of it, and comparing it with what its manifest says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from opentranscribe.features.backup import sealed_files, table_copy
from opentranscribe.features.backup.catalogue import MANIFEST
from opentranscribe.features.backup.database_copy import PACK, iter_chunks
from opentranscribe.features.backup.errors import BackupDamagedError, WrongRecoveryKeyError
from opentranscribe.features.backup.full import MEDIA_KEY, SECRETS
from opentranscribe.features.backup.keys import unseal
from opentranscribe.features.backup.manifest import Chunk, Manifest, MediaEntry
from opentranscribe.features.backup.media_copy import FOLDER as MEDIA
from opentranscribe.features.backup.packs import FOLDER as DATABASE
from opentranscribe.features.backup.packs import PackReader, hash_file


@dataclass(frozen=True)
class OpenSet:
    """A full backup with its keys."""

    folder: Path
    manifest: Manifest
    key: bytes

    def reader(self) -> PackReader:
        try:
            keys = {
                pack.sha256: unseal(self.key, bytes.fromhex(pack.key), PACK)
                for pack in self.manifest.packs
                if pack.key
            }
        except (ValueError, WrongRecoveryKeyError) as error:
            raise BackupDamagedError("A key in the backup is damaged.") from error
        return PackReader(self.folder, self.manifest.packs, keys)

    def iter_media(self, entry: MediaEntry) -> Iterable[bytes]:
        """The object's bytes; not proven yet."""
        path = self.folder / MEDIA / entry.stored
        if entry.key:
            file_key = unseal(self.key, bytes.fromhex(entry.key), MEDIA_KEY)
            yield from sealed_files.iter_decrypted(path, file_key)
            return
        with path.open("rb") as handle:
            yield from iter(lambda: handle.read(1 << 20), b"")

    def secrets(self) -> bytes:
        return unseal(self.key, bytes.fromhex(self.manifest.sealed), SECRETS)


def verify_full(
    opened: OpenSet, *, trusted_packs: set[str] | None = None, trusted_media: set[str] | None = None
) -> None:
    """Raises BackupDamagedError for the first thing that is not as it was written.

    Of packs and recordings that an earlier, proven backup has under the same name, only the bytes of
    packs are compared again; without them everything is decoded.
    """
    manifest, reader = opened.manifest, opened.reader()
    _require_files(opened.folder, manifest)
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(reader.require_whole, manifest.packs):
            pass
        for _ in pool.map(reader.prove, _list_fresh(manifest, trusted_packs or set())):
            pass
    _require_digests(manifest)
    try:
        opened.secrets()
    except (ValueError, WrongRecoveryKeyError) as error:
        raise BackupDamagedError("The sealed secrets are damaged.") from error
    for entry in manifest.media:
        if entry.stored not in (trusted_media or set()):
            _require_media(opened, entry)


def _list_fresh(manifest: Manifest, trusted: set[str]) -> list[Chunk]:
    chunks = iter_chunks(manifest)
    return [chunk for chunk in chunks if manifest.packs[chunk.pack].sha256 not in trusted]


def _require_files(folder: Path, manifest: Manifest) -> None:
    """Exactly those that the manifest names."""
    expected = {MANIFEST} | {f"{DATABASE}/{pack.sha256}" for pack in manifest.packs}
    expected |= {f"{MEDIA}/{entry.stored}" for entry in manifest.media}
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    for name in sorted(expected - found):
        raise BackupDamagedError(f"{folder.name} lacks the file {name}.")
    for name in sorted(found - expected):
        raise BackupDamagedError(f"{folder.name} has a file that does not belong to it: {name}.")


def _require_digests(manifest: Manifest) -> None:
    for table in manifest.tables:
        rows = sum(chunk.rows for chunk in table.chunks)
        if rows != table.rows or table_copy.digest_of(table.chunks) != table.digest:
            raise BackupDamagedError(f"The digest of {table.title} does not fit its parts.")


def _require_media(opened: OpenSet, entry: MediaEntry) -> None:
    path = opened.folder / MEDIA / entry.stored
    if entry.key and hash_file(path) != entry.stored:
        raise BackupDamagedError(f"The file {MEDIA}/{entry.stored} is damaged.")
    digest, size = hashlib.sha256(), 0
    for block in opened.iter_media(entry):
        digest.update(block)
        size += len(block)
    if (digest.hexdigest(), size) != (entry.sha256, entry.size):
        raise BackupDamagedError(f"The stored file {entry.object} is damaged in the backup.")
