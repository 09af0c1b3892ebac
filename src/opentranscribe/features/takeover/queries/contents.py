"""Every statement about what was taken over, on the database aside and on the live one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from opentranscribe.features.takeover.rules.sealed import SealedColumn
from opentranscribe.work.databases import Connection

_CORE = """
SELECT to_regclass('public.user') IS NOT NULL AND to_regclass('public.media_file') IS NOT NULL
"""
# The schema's fingerprint sees tables, columns, keys and indexes; these it does not see.
_PROGRAMS = """
SELECT 'function ' || p.oid::regprocedure FROM pg_proc p WHERE p.oid >= 16384
UNION ALL SELECT 'trigger ' || t.tgname FROM pg_trigger t WHERE NOT t.tgisinternal
UNION ALL SELECT 'rule or view ' || r.ev_class::regclass FROM pg_rewrite r WHERE r.oid >= 16384
UNION ALL SELECT 'policy ' || p.polname FROM pg_policy p
UNION ALL SELECT 'operator ' || o.oprname FROM pg_operator o WHERE o.oid >= 16384
UNION ALL SELECT 'cast ' || c.oid FROM pg_cast c WHERE c.oid >= 16384
UNION ALL SELECT 'event trigger ' || e.evtname FROM pg_event_trigger e
UNION ALL SELECT 'extension ' || e.extname FROM pg_extension e WHERE e.extname <> 'plpgsql'
UNION ALL SELECT 'foreign table ' || f.ftrelid::regclass FROM pg_foreign_table f
ORDER BY 1
"""
_USERS = """
SELECT u.email, u.auth_type AS way, u.hashed_password AS stored,
       u.is_active AND u.role IN ('admin', 'super_admin') AS is_admin,
       COALESCE(m.totp_enabled, false) AS has_second_factor
FROM public."user" u LEFT JOIN public.user_mfa m ON m.user_id = u.id ORDER BY u.id
"""
_FILES = """
SELECT f.id, f.uuid, COALESCE(f.title, f.filename) AS title, u.email AS owner, f.storage_path,
       f.thumbnail_path, f.file_size, f.file_hash
FROM public.media_file f JOIN public."user" u ON u.id = f.user_id ORDER BY f.id
"""
_SETTLE = """
UPDATE public.media_file SET storage_path = %(key)s, file_size = %(size)s, file_hash = %(sha256)s,
       thumbnail_path = %(thumbnail)s
WHERE id = %(id)s
"""
#: Nothing works on these any more; with a transcript they are done, without one they can be tried
#: again.
_STATUSES = """
WITH spoken AS (SELECT DISTINCT media_file_id AS id FROM public.transcript_segment)
UPDATE public.media_file f
SET status = CASE WHEN spoken.id IS NULL THEN 'error' ELSE 'completed' END,
    error_category = CASE WHEN spoken.id IS NULL THEN 'import_unfinished' END,
    last_error_message = CASE WHEN spoken.id IS NULL THEN %s END
FROM public.media_file g LEFT JOIN spoken USING (id)
WHERE g.id = f.id AND f.status NOT IN ('completed', 'error', 'cancelled')
"""
_UNFINISHED = (
    "The earlier system had not finished this recording when its backup was taken. Nothing of it"
    " is lost; have it transcribed again."
)
_VOICELESS = """
SELECT f.id FROM public.media_file f
WHERE f.status = 'completed' AND f.id = ANY(%s)
  AND (f.peaks_path IS NULL
       OR (EXISTS (SELECT FROM public.speaker s WHERE s.media_file_id = f.id)
           AND NOT EXISTS (SELECT FROM public.voiceprint v WHERE v.media_file_id = f.id)))
ORDER BY f.upload_time DESC
"""


@dataclass(frozen=True)
class FileRow:
    id: int
    uuid: UUID
    title: str
    owner: str
    storage_path: str
    thumbnail_path: str | None
    file_size: int
    file_hash: str | None


@dataclass(frozen=True)
class Settled:
    """What is known of a recording whose bytes were copied; ``key`` is that in our store."""

    id: int
    key: str
    size: int
    sha256: str
    thumbnail: str | None


def has_core(connection: Connection) -> bool:
    row = connection.execute(_CORE).fetchone()
    return bool(row and row[0])


def list_programs(connection: Connection) -> list[str]:
    """Whatever in the database could run by itself."""
    return [str(row[0]) for row in connection.execute(_PROGRAMS)]


def count_rows(connection: Connection, table: str) -> int:
    name = sql.Identifier("public", table)
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name)).fetchone()
    return int(row[0]) if row else 0


def count_by_sign_in(connection: Connection) -> dict[str, int]:
    rows = connection.execute('SELECT auth_type, count(*) FROM public."user" GROUP BY 1 ORDER BY 1')
    return {str(name): int(count) for name, count in rows}


@dataclass(frozen=True)
class UserRow:
    """``way`` of signing in; ``stored`` is what is kept of the password."""

    email: str
    way: str
    stored: str
    is_admin: bool
    has_second_factor: bool


def list_users(connection: Connection) -> list[UserRow]:
    with connection.cursor(row_factory=class_row(UserRow)) as cursor:
        return cursor.execute(_USERS.encode()).fetchall()


def list_files(connection: Connection) -> list[FileRow]:
    with connection.cursor(row_factory=class_row(FileRow)) as cursor:
        return cursor.execute(_FILES.encode()).fetchall()


def list_secrets(connection: Connection, column: SealedColumn) -> list[str]:
    query = sql.SQL("SELECT {0} FROM {1} WHERE {0} <> '' AND ({2}) ORDER BY id").format(
        sql.Identifier(column.column),
        sql.Identifier("public", column.table),
        sql.SQL(column.where),
    )
    return [str(row[0]) for row in connection.execute(query)]


def settle_files(connection: Connection, settled: Iterable[Settled]) -> None:
    rows: Sequence[dict[str, Any]] = [vars(one) for one in settled]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(_SETTLE, rows)


def forget_thumbnails(connection: Connection, ids: Sequence[int]) -> None:
    """Of recordings that came without."""
    connection.execute(
        "UPDATE public.media_file SET thumbnail_path = NULL WHERE id = ANY(%s)", (list(ids),)
    )


def settle_statuses(connection: Connection) -> int:
    """How many recordings nobody had finished."""
    return connection.execute(_STATUSES, (_UNFINISHED,)).rowcount


def list_voiceless(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Of the recordings with these ids those that lack voiceprints or a waveform, newest first."""
    return [int(row[0]) for row in connection.execute(_VOICELESS, (list(ids),))]
