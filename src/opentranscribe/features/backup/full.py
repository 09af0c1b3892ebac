"""Making a full backup: database, recordings, secrets and settings as they were at one moment."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from opentranscribe.features.backup import queries
from opentranscribe.features.backup.catalogue import MANIFEST
from opentranscribe.features.backup.database_copy import Before, DatabaseCopy
from opentranscribe.features.backup.errors import (
    BackupDamagedError,
    BackupUnsuitableError,
    WrongRecoveryKeyError,
)
from opentranscribe.features.backup.keys import KeyRing, seal, unseal
from opentranscribe.features.backup.manifest import (
    Manifest,
    MediaEntry,
    read_manifest,
    write_manifest,
)
from opentranscribe.features.backup.media_copy import FOLDER as MEDIA
from opentranscribe.features.backup.media_copy import MediaCopier
from opentranscribe.features.backup.outer import collect
from opentranscribe.features.backup.places import Places
from opentranscribe.features.backup.programs import Programs
from opentranscribe.kit import clock
from opentranscribe.kit.durable import sync_folder
from opentranscribe.ports.objects import Objects
from opentranscribe.schema.migrations.fingerprint import fingerprint, read_catalogue
from opentranscribe.work.databases import Connection, connect

SNAPSHOT_TRIES = 20
SECRETS, MEDIA_KEY = b"secrets", b"media"

Tell = Callable[[str], None]


@dataclass
class FullBackup:
    """One run. ``draft`` is a new folder that nobody takes for a backup yet."""

    places: Places
    url: str
    objects: Objects
    draft: Path
    name: str
    is_encrypted: bool
    tell: Tell
    before: Before | None = None
    new_bytes: int = 0
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def make(self) -> Manifest:
        """Everything but proving it. Raises BackupFailedError."""
        KeyRing(self.places.secrets_dir).ensure()
        media = self._copier()
        try:
            manifest = self._make(media, tries=SNAPSHOT_TRIES)
        finally:
            media.release()
        write_manifest(self.draft, manifest)
        sync_folder(self.draft)
        self.new_bytes += media.new_bytes + (self.draft / MANIFEST).stat().st_size
        return manifest

    def _make(self, media: MediaCopier, tries: int) -> Manifest:
        """A file that was added and deleted again around the snapshot is nobody's: look again."""
        shutil.rmtree(self.draft, ignore_errors=True)
        self.draft.mkdir(mode=0o700)
        media.hold_all()
        with connect(self.url) as connection, queries.open_snapshot(connection) as snapshot:
            keys = queries.list_object_keys(connection)
            missing = media.hold_named(keys)
            if tries > 1 and missing and self._were_deleted(missing):
                return self._make(media, tries - 1)
            clips = queries.list_clip_keys(connection)
            media.hold_named(clips)
            manifest = self._copy_database(connection, snapshot)
        if missing:
            self.tell(f"! {len(missing)} stored files are missing; the backup lists them.")
        entries = [self._seal_media(entry) for entry in media.copy([*keys, *clips])]
        return replace(manifest, media=entries, missing=missing)

    def _were_deleted(self, missing: list[str]) -> bool:
        with connect(self.url) as connection:
            return len(queries.still_named(connection, missing)) < len(missing)

    def _copy_database(self, connection: Connection, snapshot: str) -> Manifest:
        database, schema_key = queries.identify(connection), queries.read_schema_key(connection)
        before = self.before if self.before and self.before.manifest.database == database else None
        copier = DatabaseCopy(
            Programs(self.places.bin_dir, self.url),
            self.draft,
            self.key if self.is_encrypted else None,
            before,
        )
        parts = copier.copy(connection, snapshot, schema_key)
        self.new_bytes = parts.new_bytes
        return Manifest(
            name=self.name,
            made_at=clock.now().isoformat(),
            version=self.places.version,
            revision=queries.read_revision(connection),
            fingerprint=fingerprint(read_catalogue(connection)),
            server_major=queries.server_major(connection),
            database=database,
            is_encrypted=self.is_encrypted,
            wrapped=KeyRing(self.places.secrets_dir).wrap(self.key),
            sealed=seal(self.key, collect(self.places), SECRETS).hex(),
            schema_key=schema_key,
            schema=parts.schema,
            packs=parts.packs,
            tables=parts.tables,
            sequences=queries.list_sequences(connection, queries.list_schemas(connection)),
            media=[],
        )

    def _copier(self) -> MediaCopier:
        known: dict[str, MediaEntry] = {}
        if self.before is not None:
            known = {entry.object: self._open_media(entry) for entry in self.before.manifest.media}
        return MediaCopier(
            self.objects,
            self.places.hold_dir,
            self.draft / MEDIA,
            self.is_encrypted,
            known,
            self.before.folder if self.before else None,
        )

    def _open_media(self, entry: MediaEntry) -> MediaEntry:
        if not entry.key or self.before is None:
            return entry
        return replace(
            entry, key=unseal(self.before.key, bytes.fromhex(entry.key), MEDIA_KEY).hex()
        )

    def _seal_media(self, entry: MediaEntry) -> MediaEntry:
        if not entry.key:
            return entry
        return replace(entry, key=seal(self.key, bytes.fromhex(entry.key), MEDIA_KEY).hex())


def open_before(folder: Path, ring: KeyRing, *, is_encrypted: bool) -> Before | None:
    """That backup to build on; None when it is damaged, of another kind, or its key is not here."""
    try:
        manifest = read_manifest(folder)
        if manifest.is_encrypted != is_encrypted:
            return None
        return Before(folder, manifest, ring.unwrap(manifest.wrapped))
    except (BackupDamagedError, BackupUnsuitableError, WrongRecoveryKeyError):
        return None
