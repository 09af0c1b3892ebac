"""Tidying up what crashed runs left on the disk."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

from opentranscribe.features.transcription import queries
from opentranscribe.work import SYSTEM, WorkFactory

log = logging.getLogger(__name__)

OLD_SECONDS = 3600.0


def remove_stale_scratch(
    work_factory: WorkFactory, scratch_dir: Path, old_seconds: float = OLD_SECONDS
) -> int:
    """Remove scratch folders that no unfinished job needs and nobody has touched for an hour."""
    if not scratch_dir.is_dir():
        return 0
    with work_factory(SYSTEM) as work:
        needed = queries.files_in_work(work.session)
    limit = time.time() - old_seconds
    removed = 0
    for folder in scratch_dir.iterdir():
        if folder.is_dir() and folder.name not in needed and folder.stat().st_mtime < limit:
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    if removed:
        log.info("removed %d scratch folders", removed)
    return removed
