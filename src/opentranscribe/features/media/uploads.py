"""Resumable uploads: who may continue what, from where, until when."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from opentranscribe.features.media import queries, rules
from opentranscribe.features.media.errors import (
    OffsetError,
    UploadEmptyError,
    UploadGoneError,
    UploadHeaderError,
    UploadNotFoundError,
    UploadStorageFullError,
    UploadTooLargeError,
)
from opentranscribe.features.media.finishing import Finished, Finisher
from opentranscribe.features.media.schemas import UploadOut, UploadResult
from opentranscribe.features.media.spool import Spool, SpoolWriter
from opentranscribe.kit import clock
from opentranscribe.kit.options import Options
from opentranscribe.ports.objects import Objects, StorageFullError
from opentranscribe.schema.media import MediaFile, Upload
from opentranscribe.work import Actor, Work, WorkFactory

EXTEND_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an upload is: what HEAD tells."""

    upload_uuid: uuid.UUID
    size_bytes: int
    offset: int
    expires_at: datetime
    metadata: str


@dataclass(frozen=True, slots=True)
class Appended:
    """``finished`` once the last byte is in and the file is in the library."""

    offset: int
    expires_at: datetime
    finished: Finished | None = None


@dataclass(slots=True)
class OpenUpload:
    """A writer with what its request must know; ``remaining`` bytes may still come."""

    writer: SpoolWriter
    size_bytes: int
    expires_at: datetime

    @property
    def remaining(self) -> int:
        return self.size_bytes - self.writer.offset


class UploadService:
    """Every call is the caller's own short transaction, or none while bytes flow."""

    def __init__(self, work: WorkFactory, objects: Objects, options: Options, actor: Actor) -> None:
        self._work = work
        self._actor = actor
        self._options = options
        self._spool = Spool(options.uploads_dir)
        self._finisher = Finisher(work, objects, self._spool)

    def create(self, size_bytes: int, metadata: Mapping[str, str]) -> Standing:
        """Raises UploadEmptyError, UploadTooLargeError, UploadStorageFullError."""
        self.check_size(size_bytes)
        name = uuid.uuid4()
        self._spool.create(name, size_bytes)
        with self._work(self._actor) as work:
            upload = self._new_upload(name, size_bytes, metadata)
            work.session.add(upload)
            work.session.flush()
            return _standing(upload, 0)

    def stand(self, upload_uuid: uuid.UUID) -> Standing:
        """Raises UploadNotFoundError, UploadGoneError."""
        with self._work(self._actor) as work:
            upload = self._get(work, upload_uuid)
            finished = upload.status == "finished"
            offset = upload.size_bytes if finished else self._spool.durable_length(upload_uuid)
            if offset is None and self._finisher.has_object(upload_uuid, upload.size_bytes):
                offset = upload.size_bytes
            if offset is None:
                raise UploadGoneError
            return _standing(upload, offset)

    def open_writer(
        self, upload_uuid: uuid.UUID, offset: int, body_bytes: int | None
    ) -> OpenUpload:
        """``body_bytes`` is the announced length of what comes. Raises OffsetError,
        UploadBusyError, UploadNotFoundError, UploadGoneError."""
        standing = self.stand(upload_uuid)
        if standing.offset == standing.size_bytes and offset != standing.offset:
            raise OffsetError(standing.offset)
        writer = self._spool.writer(upload_uuid)
        opened = OpenUpload(writer, standing.size_bytes, standing.expires_at)
        if writer.offset != offset:
            writer.close()
            raise OffsetError(writer.offset)
        if body_bytes is not None and body_bytes > opened.remaining:
            writer.close()
            raise UploadHeaderError("More bytes were announced than the upload has left.")
        return opened

    def conclude_stored(self, upload_uuid: uuid.UUID, offset: int) -> Appended | None:
        """The end of an upload whose bytes have left the spool: they are in the store already,
        but the last answer, or even the last transaction, was lost. None while they are here."""
        if self._spool.path(upload_uuid).exists():
            return None
        standing = self.stand(upload_uuid)
        if offset != standing.offset:
            raise OffsetError(standing.offset)
        finished = self._finisher.finish(upload_uuid, None)
        return Appended(standing.offset, standing.expires_at, finished)

    def settle(self, opened: OpenUpload) -> Appended:
        """Make what came durable and, when it is the last of it, the upload a file."""
        writer = opened.writer
        offset = writer.settle()
        expires_at = self._extend(writer.name, opened.expires_at)
        finished = None
        if offset == opened.size_bytes:
            try:
                finished = self._finisher.finish(writer.name, writer)
            except StorageFullError as error:
                raise UploadStorageFullError(offset) from error
        return Appended(offset, expires_at, finished)

    def abort(self, upload_uuid: uuid.UUID) -> None:
        with self._work(self._actor) as work:
            upload = self._get(work, upload_uuid, lock=True)
            if upload.status == "finished":
                raise UploadNotFoundError
            upload.status = "aborted"
            work.after_commit(lambda: self._spool.remove(upload_uuid))

    def list_unfinished(self) -> list[UploadOut]:
        assert self._actor.user_id is not None
        with self._work(self._actor) as work:
            found = queries.list_unfinished(work.session, self._actor.user_id)
            return [out for upload in found if (out := self._shape(upload)) is not None]

    def result(self, upload_uuid: uuid.UUID) -> UploadResult:
        with self._work(self._actor) as work:
            upload = queries.find_upload(work.session, upload_uuid, self._actor.user_id)
            if upload is None:
                raise UploadNotFoundError
            file = upload.media_file_id and queries.find_file(work.session, upload.media_file_id)
            return UploadResult(
                status=upload.status,
                file_id=file.uuid if file else None,
                is_duplicate=upload.is_duplicate,
                error=upload.error_message,
            )

    # A whole file in one request: the form upload and the sample.

    def begin_whole(self) -> SpoolWriter:
        """A writer without an upload; ``add_whole`` gives it one, or the sweeper takes it away."""
        name = uuid.uuid4()
        self._spool.create(name)
        return self._spool.writer(name)

    def add_whole(self, writer: SpoolWriter, metadata: Mapping[str, str]) -> Finished:
        """Raises UploadEmptyError, UploadTooLargeError, UploadDamagedError."""
        size_bytes = writer.settle()
        self.check_size(size_bytes)
        with self._work(self._actor) as work:
            work.session.add(self._new_upload(writer.name, size_bytes, metadata))
        try:
            return self._finisher.finish(writer.name, writer)
        except StorageFullError as error:
            raise UploadStorageFullError from error

    def add_copy(self, source: Path, metadata: Mapping[str, str]) -> Finished:
        writer = self.begin_whole()
        try:
            with source.open("rb") as handle:
                while chunk := handle.read(1 << 20):
                    writer.write(chunk)
            return self.add_whole(writer, metadata)
        finally:
            writer.close()

    def drop_unclaimed(self, writer: SpoolWriter) -> None:
        """Forget bytes that no upload stands for; others are finished by the sweeper."""
        with self._work(self._actor) as work:
            claimed = queries.find_upload(work.session, writer.name, None) is not None
        if not claimed:
            self._spool.remove(writer.name)

    def file_of(self, finished: Finished) -> MediaFile:
        with self._work(self._actor) as work:
            upload_file = queries.find_file_by_uuid(work.session, finished.file_uuid)
            if upload_file is None:
                raise UploadNotFoundError
            work.session.expunge(upload_file)
            return upload_file

    def check_size(self, size_bytes: int) -> None:
        if size_bytes == 0:
            raise UploadEmptyError
        if size_bytes > self._options.max_upload_bytes:
            raise UploadTooLargeError(self._options.max_upload_bytes)

    def _new_upload(self, name: uuid.UUID, size_bytes: int, given: Mapping[str, str]) -> Upload:
        filename = rules.clean_name(given.get("filename") or given.get("name") or "")
        claimed = given.get("filetype") or given.get("type")
        return Upload(
            uuid=name,
            user_id=self._actor.user_id,
            filename=filename,
            content_type=rules.content_type_of(filename, claimed),
            size_bytes=size_bytes,
            expected_sha256=rules.parse_sha256(given.get("sha256")),
            options=dict(rules.options_of(given)),
            expires_at=self._expiry(),
        )

    def _get(self, work: Work, upload_uuid: uuid.UUID, *, lock: bool = False) -> Upload:
        upload = queries.find_upload(work.session, upload_uuid, self._actor.user_id, lock=lock)
        if upload is None:
            raise UploadNotFoundError
        if upload.status in {"aborted", "failed"}:
            raise UploadGoneError
        if upload.status != "finished" and upload.expires_at < clock.now():
            raise UploadGoneError
        return upload

    def _extend(self, name: uuid.UUID, expires_at: datetime) -> datetime:
        """An upload lives as long as it moves; written down at most once an hour."""
        if self._expiry() - expires_at < EXTEND_AFTER:
            return expires_at
        with self._work(self._actor) as work:
            queries.extend_upload(work.session, name, self._expiry())
        return self._expiry()

    def _expiry(self) -> datetime:
        return clock.now() + timedelta(seconds=self._options.upload_ttl_seconds)

    def _shape(self, upload: Upload) -> UploadOut | None:
        offset = self._spool.durable_length(upload.uuid)
        if offset is None:
            return None
        return UploadOut(
            uuid=upload.uuid,
            filename=upload.filename,
            size_bytes=upload.size_bytes,
            offset=offset,
            status="finishing" if offset == upload.size_bytes else upload.status,
            created_at=upload.created_at,
            expires_at=upload.expires_at,
        )


def _standing(upload: Upload, offset: int) -> Standing:
    metadata = {"filename": upload.filename, "filetype": upload.content_type}
    metadata |= {key: str(value) for key, value in upload.options.items()}
    return Standing(
        upload_uuid=upload.uuid,
        size_bytes=upload.size_bytes,
        offset=offset,
        expires_at=upload.expires_at,
        metadata=rules.format_metadata(metadata),
    )
