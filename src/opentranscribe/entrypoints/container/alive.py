"""``python -m opentranscribe.entrypoints.container.alive``: ends with 0 when the process of this
container said lately that it is alive. For the engine's health checks; loads as little as can be."""

from __future__ import annotations

import socket
import sys

import psycopg

from opentranscribe.settings import Settings

#: Three times as long as a process may be silent.
SILENT_SECONDS = 30
SQL = """
    SELECT FROM process_heartbeat
    WHERE name LIKE %s AND beat_at > now() - make_interval(secs => %s)
"""


def main() -> int:
    url = Settings.load().sqlalchemy_url.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            found = connection.execute(SQL, (f"%@{socket.gethostname()}:%", SILENT_SECONDS))
            return 0 if found.rowcount else 1
    except psycopg.Error as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
