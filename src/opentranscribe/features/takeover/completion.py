"""Recordings that were missing when an installation was taken over, brought in afterwards."""

from __future__ import annotations

from opentranscribe.features.takeover.media import MediaCarrier, MediaResult, Watch
from opentranscribe.features.takeover.media_sources import MediaSource
from opentranscribe.features.takeover.queries import contents as queries
from opentranscribe.features.takeover.service import Places
from opentranscribe.ports.objects import ObjectKeyError, ObjectNotFoundError, Objects
from opentranscribe.schema.migrations.state import require_current
from opentranscribe.work.databases import connect


def complete_media(
    url: str, source: MediaSource, objects: Objects, places: Places, watch: Watch
) -> tuple[MediaResult, list[int]]:
    """What is missing in the store and there in ``source``, into the live installation; and the ids
    of recordings that lack voiceprints or a waveform since. Nothing else is touched.

    Raises SchemaUnsuitableError, StoreAwayError, StorageFullError.
    """
    require_current(url)
    carrier = MediaCarrier(source, objects, places.scratch_dir, places.state_dir / "media.jsonl")
    with connect(url) as connection:
        missing = [file for file in queries.list_files(connection) if not _is_stored(file, objects)]
        result, settled = carrier.carry(missing, watch)
        queries.settle_files(connection, settled)
        return result, queries.list_voiceless(connection, [one.id for one in settled])


def _is_stored(file: queries.FileRow, objects: Objects) -> bool:
    try:
        objects.stat(file.storage_path)
    except (ObjectNotFoundError, ObjectKeyError):
        return False
    return True
