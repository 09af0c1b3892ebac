"""psql and pg_restore as child processes: no shell, passwords by the environment only."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from psycopg.conninfo import conninfo_to_dict

from opentranscribe.features.takeover.databases import plain_url
from opentranscribe.features.takeover.errors import DumpDamagedError

_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}


@dataclass(frozen=True)
class Programs:
    """``bin_dir`` has PostgreSQL's client programs."""

    bin_dir: Path

    @contextmanager
    def read_archive(self, archive: Path) -> Iterator[Iterator[bytes]]:
        """The statements of an archive (custom, tar or folder), line by line.

        Raises DumpDamagedError, at the latest on leaving.
        """
        words = ["--file=-", "--no-owner", "--no-privileges", str(archive)]
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [str(self.bin_dir / "pg_restore"), *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=self._environment(),
            )
            try:
                assert process.stdout is not None
                yield iter(process.stdout)
                process.stdout.close()
                if process.wait() != 0:
                    raise DumpDamagedError(f"The dump cannot be read: {_last_words(errors)}")
            finally:
                _end(process)

    def feed_psql(self, url: str, lines: Iterable[bytes]) -> str | None:
        """Until the end or the first error; what psql said, if it failed."""
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [str(self.bin_dir / "psql"), "--no-psqlrc", "-q", "-v", "ON_ERROR_STOP=1"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=self._environment(url),
            )
            try:
                assert process.stdin is not None
                try:
                    for line in lines:
                        process.stdin.write(line)
                    process.stdin.close()
                except BrokenPipeError:
                    pass  # it has ended by itself; its exit code says why
                return _last_words(errors) if process.wait() != 0 else None
            finally:
                _end(process)

    def _environment(self, url: str = "") -> dict[str, str]:
        named = conninfo_to_dict(plain_url(url)) if url else {}
        given = {_VARIABLES[key]: str(value) for key, value in named.items() if key in _VARIABLES}
        return {
            "PATH": os.defpath,
            "LC_ALL": "C",
            "PGCLIENTENCODING": "UTF8",
            "PGCONNECT_TIMEOUT": "10",
            "PGAPPNAME": "opentranscribe import",
            # Nothing is lost when it is: the database is new, and made durable before it is used.
            "PGOPTIONS": "-c synchronous_commit=off",
            **given,
        }


def _last_words(errors: IO[bytes]) -> str:
    errors.seek(0)
    said = errors.read().decode(errors="replace").strip()
    lines = [line for line in said.splitlines() if "error" in line.lower()]
    return (lines or said.splitlines() or ["it gave no reason"])[0][-400:]


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None and not stream.closed:
            try:
                stream.close()
            except BrokenPipeError:
                continue
