"""Who may see and change a file: the only place with that rule and its SQL."""

from __future__ import annotations

import uuid

from sqlalchemy import ColumnElement, select, true

from opentranscribe.kit.errors import NotFoundError
from opentranscribe.schema.media import MediaFile
from opentranscribe.work.actor import Actor
from opentranscribe.work.unit import Work


class RecordingNotFoundError(NotFoundError):
    """The same answer for a file that does not exist and one that is not yours."""

    code = "file_not_found"


def visible_files(actor: Actor) -> ColumnElement[bool]:
    """A WHERE clause over MediaFile: people see their own files only, administrators included."""
    if actor.is_system:
        return true()
    return MediaFile.user_id == actor.user_id


def get_file(work: Work, file_uuid: uuid.UUID, *, lock: bool = False) -> MediaFile:
    """The file if the actor may see it. Raises RecordingNotFoundError."""
    query = select(MediaFile).where(MediaFile.uuid == file_uuid, visible_files(work.actor))
    if lock:
        query = query.with_for_update()
    found = work.session.scalar(query)
    if found is None:
        raise RecordingNotFoundError("There is no such file, or it is not yours.")
    return found
