"""From complete bytes to a file in the library, so that a crash at any point loses nothing.

Order: hash → look for the owner's own copy → move the bytes into the store (durable) → one
transaction with the row, the event and the upload's end. Before the move the upload is whole in the
spool; after it, whole in the store under a key made of the upload's uuid. Either way the next
``finish`` goes on from there.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from opentranscribe.features.media import queries
from opentranscribe.features.media.errors import UploadDamagedError, UploadNotFoundError
from opentranscribe.features.media.rules import title_of
from opentranscribe.features.media.spool import Spool, SpoolWriter, hash_chunks
from opentranscribe.kit.errors import ConflictError
from opentranscribe.ports.notices import Notice
from opentranscribe.ports.objects import ObjectNotFoundError, Objects
from opentranscribe.schema.media import MediaFile, Upload
from opentranscribe.work import SYSTEM, Work, WorkFactory
from opentranscribe.work.events import FileAdded


@dataclass(frozen=True, slots=True)
class Finished:
    """``is_duplicate``: the owner had these bytes already; ``file_uuid`` is that file's."""

    file_uuid: uuid.UUID
    is_duplicate: bool


class UploadEndedError(ConflictError):
    code = "upload_ended"


def object_key(file_uuid: uuid.UUID) -> str:
    return f"media/{file_uuid}"


class Finisher:
    """Turns complete uploads into files. The caller holds the upload's writer, if it has one."""

    def __init__(self, work: WorkFactory, objects: Objects, spool: Spool) -> None:
        self._work = work
        self._objects = objects
        self._spool = spool

    def finish(self, upload_uuid: uuid.UUID, writer: SpoolWriter | None) -> Finished:
        """Idempotent. Raises UploadDamagedError, StorageFullError, ObjectNotFoundError."""
        if writer is None and (answer := self._find_answer(upload_uuid)) is not None:
            return answer
        sha256 = writer.sha256() if writer else self._hash_object(upload_uuid)
        known = self._begin(upload_uuid, sha256)
        if known is not None:
            return known
        if writer is not None:
            self._objects.put_file(object_key(upload_uuid), self._spool.path(upload_uuid))
        with self._work(SYSTEM) as work:
            return self._conclude(work, upload_uuid, sha256)

    def _find_answer(self, upload_uuid: uuid.UUID) -> Finished | None:
        with self._work(SYSTEM) as work:
            upload = self._locked(work, upload_uuid)
            return _answer(work, upload) if upload.status == "finished" else None

    def _begin(self, upload_uuid: uuid.UUID, sha256: str) -> Finished | None:
        """The answer if there is one without storing anything."""
        damaged = False
        with self._work(SYSTEM) as work:
            upload = self._locked(work, upload_uuid)
            if upload.status == "finished":
                return _answer(work, upload)
            damaged = upload.expected_sha256 not in (None, sha256)
            if damaged:
                upload.status = "failed"
                upload.error_message = UploadDamagedError().message
                self._discard(work, upload_uuid)
            elif (twin := queries.find_by_hash(work.session, upload.user_id, sha256)) is not None:
                return self._end(work, upload, twin, is_duplicate=True)
        if damaged:
            raise UploadDamagedError
        return None

    def _conclude(self, work: Work, upload_uuid: uuid.UUID, sha256: str) -> Finished:
        upload = self._locked(work, upload_uuid)
        if upload.status == "finished":
            return _answer(work, upload)
        queries.lock_hash(work.session, upload.user_id, sha256)
        twin = queries.find_by_hash(work.session, upload.user_id, sha256)
        if twin is not None:
            return self._end(work, upload, twin, is_duplicate=True)
        file = new_file(upload, sha256)
        work.session.add(file)
        work.session.flush()
        finished = self._end(work, upload, file, is_duplicate=False)
        work.emit(FileAdded(file.id, dict(upload.options)))
        data = {"file_id": str(file.uuid), "filename": file.filename, "status": file.status}
        work.notify(Notice("file_created", data, upload.user_id))
        return finished

    def _end(self, work: Work, upload: Upload, file: MediaFile, *, is_duplicate: bool) -> Finished:
        upload_uuid = upload.uuid
        upload.status = "finished"
        upload.media_file_id = file.id
        upload.is_duplicate = is_duplicate
        if is_duplicate:
            self._discard(work, upload_uuid)
        else:
            work.after_commit(lambda: self._spool.remove(upload_uuid))
        return Finished(file.uuid, is_duplicate)

    def _discard(self, work: Work, upload_uuid: uuid.UUID) -> None:
        work.after_commit(lambda: self._spool.remove(upload_uuid))
        work.after_commit(lambda: self._objects.delete(object_key(upload_uuid)))

    def _locked(self, work: Work, upload_uuid: uuid.UUID) -> Upload:
        upload = queries.find_upload(work.session, upload_uuid, None, lock=True)
        if upload is None:
            raise UploadNotFoundError
        if upload.status in {"failed", "aborted"}:
            raise UploadEndedError(upload.error_message or "This upload was cancelled.")
        return upload

    def _hash_object(self, upload_uuid: uuid.UUID) -> str:
        key = object_key(upload_uuid)
        size = self._objects.stat(key).size_bytes
        return hash_chunks(self._objects.open_range(key, 0, size, 1 << 20)).hexdigest()

    def has_object(self, upload_uuid: uuid.UUID, size_bytes: int) -> bool:
        try:
            return self._objects.stat(object_key(upload_uuid)).size_bytes == size_bytes
        except ObjectNotFoundError:
            return False


def new_file(upload: Upload, sha256: str) -> MediaFile:
    model = upload.options.get("model")
    return MediaFile(
        uuid=upload.uuid,
        user_id=upload.user_id,
        filename=upload.filename,
        title=title_of(upload.filename),
        storage_path=object_key(upload.uuid),
        file_size=upload.size_bytes,
        file_hash=sha256,
        content_type=upload.content_type,
        status="pending",
        requested_whisper_model=model if isinstance(model, str) else None,
        diarization_disabled=str(upload.options.get("disable_diarization")).lower()
        in {"1", "true", "yes", "on"},
    )


def _answer(work: Work, upload: Upload) -> Finished:
    file = upload.media_file_id and queries.find_file(work.session, upload.media_file_id)
    if not file:
        raise UploadEndedError("This upload was finished, and its file has been deleted since.")
    return Finished(file.uuid, upload.is_duplicate)
