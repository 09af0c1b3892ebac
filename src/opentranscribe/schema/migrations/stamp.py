"""What a database says of itself: the revision it is at, and which releases may work on it."""

from __future__ import annotations

from typing import Any

import psycopg

from opentranscribe.schema.migrations.chain import OLDEST_READER, OLDEST_WRITER

_READY = "SELECT to_regclass('public.schema_compatibility') IS NOT NULL"
_COMPATIBLE = """
INSERT INTO public.schema_compatibility (id, revision, oldest_reader, oldest_writer)
VALUES (1, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET revision = excluded.revision,
    oldest_reader = excluded.oldest_reader, oldest_writer = excluded.oldest_writer
"""


def stamp(connection: psycopg.Connection[Any], name: str) -> None:
    """Writes both down, in the caller's transaction."""
    connection.execute("DELETE FROM public.alembic_version")
    connection.execute("INSERT INTO public.alembic_version (version_num) VALUES (%s)", (name,))
    ready = connection.execute(_READY).fetchone()
    if ready and ready[0]:
        connection.execute(_COMPATIBLE, (name, OLDEST_READER, OLDEST_WRITER))
