"""What the start and the sweeper do for uploads. All of it may be repeated and interrupted."""

from __future__ import annotations

import logging
import time
import uuid
from datetime import timedelta

from opentranscribe.features.media import queries
from opentranscribe.features.media.errors import UploadBusyError, UploadDamagedError
from opentranscribe.features.media.finishing import Finisher, UploadEndedError
from opentranscribe.features.media.service import KEY_FOLDERS
from opentranscribe.features.media.spool import Spool
from opentranscribe.kit import clock
from opentranscribe.kit.errors import AppError
from opentranscribe.kit.options import Options
from opentranscribe.ports.objects import Objects
from opentranscribe.work import SYSTEM, WorkFactory

log = logging.getLogger(__name__)

KEEP_ANSWERS = timedelta(days=1)
STRAY_SECONDS = 3600.0


def finish_pending(work: WorkFactory, objects: Objects, options: Options) -> int:
    """Finish uploads whose bytes are all here but whose last request was cut off; how many.

    Uploads that somebody is sending right now are left alone.
    """
    spool = Spool(options.uploads_dir)
    finisher = Finisher(work, objects, spool)
    with work(SYSTEM) as reading:
        waiting = [
            (one.uuid, one.size_bytes) for one in queries.list_all_unfinished(reading.session)
        ]
    done = 0
    for upload_uuid, size_bytes in waiting:
        try:
            done += _finish_one(finisher, spool, upload_uuid, size_bytes)
        except (UploadBusyError, UploadDamagedError, UploadEndedError):
            continue
        except AppError:
            log.warning("upload %s could not be finished yet", upload_uuid, exc_info=True)
    return done


def _finish_one(finisher: Finisher, spool: Spool, upload_uuid: uuid.UUID, size_bytes: int) -> bool:
    length = spool.durable_length(upload_uuid)
    if length is None:
        if not finisher.has_object(upload_uuid, size_bytes):
            return False
        finisher.finish(upload_uuid, None)
        return True
    if length != size_bytes:
        return False
    writer = spool.writer(upload_uuid)
    try:
        finisher.finish(upload_uuid, writer)
    finally:
        writer.close()
    return True


def expire_uploads(work: WorkFactory, options: Options) -> int:
    """Throw away uploads that nobody continued, old answers and spooled bytes without an upload;
    how many."""
    spool = Spool(options.uploads_dir)
    now = clock.now()
    with work(SYSTEM) as changing:
        expired = queries.list_expired(changing.session, now, now - KEEP_ANSWERS)
        for upload in expired:
            changing.session.delete(upload)
            changing.after_commit(lambda name=upload.uuid: spool.remove(name))  # type: ignore[misc]
    with work(SYSTEM) as reading:
        known = queries.known_upload_uuids(reading.session)
    strays = [name for name in spool.iter_names(time.time() - STRAY_SECONDS) if name not in known]
    for name in strays:
        spool.remove(name)
    return len(expired) + len(strays)


def remove_orphans(work: WorkFactory, objects: Objects) -> int:
    """Delete stored bytes whose file is gone, left by a crash between a commit and its clean-up.

    Only objects that this feature or the pipeline named after a file; how many were deleted.
    """
    found: dict[str, uuid.UUID] = {}
    for folder in KEY_FOLDERS:
        for info in objects.list(f"{folder}/"):
            name = info.key.removeprefix(f"{folder}/").partition(".")[0]
            try:
                found[info.key] = uuid.UUID(name)
            except ValueError:
                continue
    with work(SYSTEM) as reading:
        kept = queries.known_upload_uuids(reading.session)
        kept |= queries.existing_file_uuids(reading.session, list(set(found.values())))
    orphans = [key for key, file_uuid in found.items() if file_uuid not in kept]
    for key in orphans:
        objects.delete(key)
    return len(orphans)
