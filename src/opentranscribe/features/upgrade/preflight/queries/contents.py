"""What the installation is doing: jobs, uploads, workers; and files it should have.

A database of an earlier version has fewer tables; what is not there is not looked at.
"""

from __future__ import annotations

from opentranscribe.features.upgrade.preflight.facts import Work
from opentranscribe.features.upgrade.preflight.queries.connection import (
    Connection,
    fetch_all,
    fetch_one,
    table_exists,
)

MEDIA_SAMPLE = 50
_JOBS = """
SELECT count(*), count(*) FILTER (WHERE lease_until < now() - interval '2 minutes')
FROM public.job WHERE status = 'running'
"""
_UPLOADS = """
SELECT count(*) FROM public.upload WHERE status IN ('active', 'finishing') AND expires_at > now()
"""
_WORKERS = """
SELECT version, beat_at > now() - interval '2 minutes' FROM public.process_heartbeat
WHERE beat_at > now() - interval '1 day'
"""
# The newest, because those are what somebody would miss first.
_MEDIA = """
SELECT storage_path FROM public.media_file
WHERE storage_path <> '' AND status IN ('completed', 'processing') ORDER BY id DESC LIMIT %s
"""
_KEPT = """
SELECT datname FROM pg_database
WHERE starts_with(datname, current_database() || '_before_')
   OR starts_with(datname, current_database() || '_failed_') ORDER BY 1
"""


def read_work(connection: Connection, version: str) -> Work:
    """``version`` is that of the release that runs."""
    running = silent = uploads = 0
    workers: list[tuple[str, bool]] = []
    if table_exists(connection, "public.job"):
        running, silent = fetch_one(connection, _JOBS)
    if table_exists(connection, "public.upload"):
        (uploads,) = fetch_one(connection, _UPLOADS)
    if table_exists(connection, "public.process_heartbeat"):
        workers = [(of, bool(alive)) for of, alive in fetch_all(connection, _WORKERS)]
    alive = [of for of, is_alive in workers if is_alive]
    others = tuple(sorted({of for of in alive if of != version}))
    return Work(running, silent, uploads, len(alive), len(workers), others)


def list_media(connection: Connection) -> list[str]:
    """Keys of the newest recordings, as the object store knows them."""
    if not table_exists(connection, "public.media_file"):
        return []
    return [path for (path,) in fetch_all(connection, _MEDIA, MEDIA_SAMPLE)]


def list_kept_databases(connection: Connection) -> tuple[str, ...]:
    return tuple(name for (name,) in fetch_all(connection, _KEPT))
