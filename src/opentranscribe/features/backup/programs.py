"""PostgreSQL's own programs as child processes whose end we wait for and look at.

Never through a shell, and no pipe hides an exit code. Passwords go by the environment, which
others cannot read, not by the command line, which they can.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from psycopg.conninfo import conninfo_to_dict

from opentranscribe.features.backup.databases import plain_url
from opentranscribe.features.backup.errors import BackupFailedError

BLOCK_BYTES = 1 << 18
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


@dataclass(frozen=True)
class Programs:
    """``bin_dir`` has pg_dump, pg_restore and psql; programs find the database of ``url``."""

    bin_dir: Path
    url: str

    @contextmanager
    def read(self, program: str, *words: str, script: str = "") -> Iterator[Iterator[bytes]]:
        """What the program writes, in blocks; it gets ``script`` as its standard input.

        Raises BackupFailedError with its last words when it fails, at the latest on leaving.
        """
        with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as given:
            given.write(script.encode())
            given.seek(0)
            process = self._start(program, words, stdin=given, stderr=errors)
            try:
                assert process.stdout is not None
                yield iter(lambda: process.stdout.read(BLOCK_BYTES), b"")  # type: ignore[union-attr]
                process.stdout.close()
                self._require_success(program, process.wait(), errors)
            finally:
                self._end(process)

    def run(self, program: str, *words: str, source: Path | None = None) -> None:
        """To its end; ``source`` is its standard input. Raises BackupFailedError."""
        with (
            tempfile.TemporaryFile() as errors,
            (source or Path(os.devnull)).open("rb") as given,
        ):
            done = subprocess.run(
                [str(self.bin_dir / program), *words],
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=self._environment(),
                check=False,
            )
            self._require_success(program, done.returncode, errors)

    def feed(self, program: str, *words: str, blocks: Iterator[bytes]) -> None:
        """``blocks`` become its standard input. Raises BackupFailedError."""
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [str(self.bin_dir / program), *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=self._environment(),
            )
            try:
                assert process.stdin is not None
                try:
                    for block in blocks:
                        process.stdin.write(block)
                    process.stdin.close()
                except BrokenPipeError:
                    pass  # it has ended by itself; its exit code says why
                self._require_success(program, process.wait(), errors)
            finally:
                self._end(process)

    def _start(
        self, program: str, words: Sequence[str], *, stdin: IO[bytes], stderr: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(self.bin_dir / program), *words],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=self._environment(),
        )

    @staticmethod
    def _require_success(program: str, code: int, errors: IO[bytes]) -> None:
        if code == 0:
            return
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()
        lines = [line for line in said.splitlines() if "ERROR" in line or "error" in line]
        raise BackupFailedError(f"{program} failed ({code}): {(lines or [said])[0][-500:]}")

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    def _environment(self) -> dict[str, str]:
        named = conninfo_to_dict(plain_url(self.url))
        given = {_VARIABLES[key]: str(value) for key, value in named.items() if key in _VARIABLES}
        return {
            "PATH": os.defpath,
            "LC_ALL": "C",
            "PGCLIENTENCODING": "UTF8",
            "PGTZ": "UTC",
            "PGCONNECT_TIMEOUT": "10",
            "PGAPPNAME": "opentranscribe backup",
            **given,
        }
