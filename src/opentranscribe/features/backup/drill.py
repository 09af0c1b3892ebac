"""A rehearsal of the restore: only a backup that was brought back is known to be one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opentranscribe.features.backup import queries
from opentranscribe.features.backup.errors import RestoreFailedError
from opentranscribe.features.backup.verification import OpenSet
from opentranscribe.work import databases

#: What the page of a recording, the library and the administrators ask.
QUESTIONS = (
    'SELECT count(*) FROM "user"',
    "SELECT count(*) FROM media_file",
    "SELECT count(*) FROM transcript_segment",
    "SELECT count(*) FROM speaker",
    "SELECT count(*) FROM voiceprint",
    "SELECT version_num FROM alembic_version",
    "SELECT text FROM transcript_segment ORDER BY id DESC LIMIT 100",
    'SELECT m.id, u.email FROM media_file m JOIN "user" u ON u.id = m.user_id LIMIT 100',
    "SELECT speaker_id, count(*) FROM transcript_segment GROUP BY speaker_id LIMIT 100",
    "SELECT key, value FROM system_settings",
)
SAMPLED_RECORDINGS = 3


@dataclass(frozen=True)
class DrillResult:
    """``ready_seconds`` is how long it took until the database could be asked."""

    ready_seconds: float
    questions: int
    recordings: int


def carry_out(
    build: Callable[[str], None],
    url: str,
    opened: OpenSet | None,
    scratch_dir: Path,
    look_at: Callable[[Path], object],
) -> DrillResult:
    """``build`` makes the database under the name it is given; ``look_at`` raises for a recording
    that cannot be read. Nothing of it is left. Raises RestoreFailedError and what these raise.
    """
    database = f"{databases.name_of(url)}_drill"
    with databases.administer(url) as connection:
        databases.drop_database(connection, database)
    started = time.monotonic()
    try:
        build(database)
        ready = time.monotonic() - started
        with databases.connect(databases.with_name(url, database)) as connection:
            for question in QUESTIONS:
                queries.ask(connection, question)
            wanted = queries.sample_recordings(connection, SAMPLED_RECORDINGS)
        recordings = _look_at(opened, wanted, scratch_dir, look_at) if opened else 0
    finally:
        with databases.administer(url) as connection:
            databases.drop_database(connection, database)
    return DrillResult(ready, len(QUESTIONS), recordings)


def _look_at(
    opened: OpenSet, keys: list[str], scratch_dir: Path, look_at: Callable[[Path], object]
) -> int:
    scratch_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    sampled = [one for one in opened.manifest.media if one.object in keys]
    for entry in sampled:
        path = scratch_dir / f"drill-{entry.stored}"
        try:
            with path.open("wb") as handle:
                handle.writelines(opened.iter_media(entry))
            look_at(path)
        except OSError as error:
            raise RestoreFailedError(f"{entry.object} cannot be read back: {error}") from error
        finally:
            path.unlink(missing_ok=True)
    return len(sampled)
