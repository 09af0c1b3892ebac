"""What every child process of PostgreSQL's client programs needs: where to connect, and an end.

Passwords go by the environment, which others cannot read, not by the command line, which they can.
"""

from __future__ import annotations

import os
import subprocess
from typing import IO

from psycopg.conninfo import conninfo_to_dict

from opentranscribe.work.databases import plain_url

_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "options": "PGOPTIONS",
}


def describe_connection(url: str, **extra: str) -> dict[str, str]:
    """The environment in which libpq's programs find the database of ``url``; of our own
    environment they get nothing. ``extra`` counts less than what the URL says."""
    named = conninfo_to_dict(plain_url(url)) if url else {}
    given = {_VARIABLES[key]: str(value) for key, value in named.items() if key in _VARIABLES}
    return {
        "PATH": os.defpath,
        "LC_ALL": "C",
        "PGCLIENTENCODING": "UTF8",
        "PGCONNECT_TIMEOUT": "10",
        "PGAPPNAME": "opentranscribe maintenance",
        **extra,
        **given,
    }


def read_last_words(errors: IO[bytes]) -> str:
    """The first line of what it wrote that says what went wrong."""
    errors.seek(0)
    said = errors.read().decode(errors="replace").strip()
    lines = [line for line in said.splitlines() if "error" in line.lower()]
    return (lines or said.splitlines() or ["it gave no reason"])[0][-500:]


def end_process(process: subprocess.Popen[bytes]) -> None:
    """Whatever it is doing; its pipes are closed."""
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None and not stream.closed:
            try:
                stream.close()
            except BrokenPipeError:
                continue
