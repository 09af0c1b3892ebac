"""Stored files: what is sent to a player, what a page draws, and deletion."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from opentranscribe.features.media import queries, rules
from opentranscribe.features.media.errors import PictureNotFoundError, WaveformNotReadyError
from opentranscribe.features.media.schemas import PrepareIn, PrepareOut, WaveformOut
from opentranscribe.features.media.waveform import thin_peaks
from opentranscribe.ports.notices import Notice
from opentranscribe.ports.objects import ObjectNotFoundError, Objects
from opentranscribe.work import Work
from opentranscribe.work.access import get_file
from opentranscribe.work.events import FileDeleted

#: Where the parts of a file lie; ``media`` is written here, the others by the pipeline.
KEY_FOLDERS = ("media", "peaks", "thumbnails")


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes ready to be sent: a validator that changes with them, a type no browser runs."""

    key: str
    size_bytes: int
    content_type: str
    etag: str
    filename: str
    modified: datetime | None = None


class MediaService:
    def __init__(self, work: Work, objects: Objects) -> None:
        self._work = work
        self._objects = objects

    def prepare(self, wanted: PrepareIn, upload_url: str) -> PrepareOut:
        """Whether the caller has these bytes already; nothing about anybody else's."""
        sha256 = rules.parse_sha256(wanted.file_hash)
        user_id = self._work.actor.user_id
        twin = (
            queries.find_by_hash(self._work.session, user_id, sha256)
            if sha256 and user_id is not None
            else None
        )
        if twin is not None:
            return PrepareOut(file_id=twin.uuid, is_duplicate=True, upload_url=None)
        return PrepareOut(file_id=None, is_duplicate=False, upload_url=upload_url)

    def content(self, file_uuid: uuid.UUID) -> Content:
        """Raises RecordingNotFoundError, ObjectNotFoundError."""
        file = get_file(self._work, file_uuid)
        size = self._objects.stat(file.storage_path).size_bytes
        return Content(
            key=file.storage_path,
            size_bytes=size,
            content_type=rules.served_type(file.content_type),
            etag=f'"{(file.file_hash or file.uuid.hex)[:32]}-{size:x}"',
            filename=file.filename,
            modified=file.upload_time,
        )

    def thumbnail(self, file_uuid: uuid.UUID) -> Content:
        """Raises PictureNotFoundError."""
        file = get_file(self._work, file_uuid)
        if file.thumbnail_path is None:
            raise PictureNotFoundError
        try:
            size = self._objects.stat(file.thumbnail_path).size_bytes
        except ObjectNotFoundError as error:
            raise PictureNotFoundError from error
        etag = f'"{file.uuid.hex}-{size:x}"'
        return Content(file.thumbnail_path, size, "image/webp", etag, f"{file.uuid}.webp")

    def waveform(self, file_uuid: uuid.UUID, samples: int) -> WaveformOut:
        """Raises WaveformNotReadyError until the recording has been decoded."""
        file = get_file(self._work, file_uuid)
        if file.peaks_path is None:
            raise WaveformNotReadyError
        try:
            size = self._objects.stat(file.peaks_path).size_bytes
            raw = b"".join(self._objects.open_range(file.peaks_path, 0, size))
        except ObjectNotFoundError as error:
            raise WaveformNotReadyError from error
        peaks = thin_peaks(raw, samples)
        return WaveformOut(samples=len(peaks), duration=file.duration, peaks=peaks)

    def open_range(self, content: Content, start: int, length: int) -> Iterator[bytes]:
        return self._objects.open_range(content.key, start, length)

    def delete(self, file_uuid: uuid.UUID) -> None:
        """The row and all that hangs on it now; the bytes after the commit."""
        file = get_file(self._work, file_uuid, lock=True)
        paths = (file.storage_path, file.peaks_path, file.thumbnail_path)
        own = (f"{folder}/{file.uuid}" for folder in KEY_FOLDERS)
        keys = tuple(dict.fromkeys(path for path in (*paths, *own) if path))
        self._work.emit(FileDeleted(file.id, keys))
        self._work.notify(Notice("file_deleted", {"file_id": str(file.uuid)}, file.user_id))
        queries.delete_file(self._work.session, file.id)
        for key in keys:
            self._work.after_commit(lambda key=key: self._objects.delete(key))  # type: ignore[misc]
