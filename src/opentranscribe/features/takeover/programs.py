"""psql and pg_restore as child processes: no shell, passwords by the environment only."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from opentranscribe.features.takeover.errors import DumpDamagedError
from opentranscribe.work.client_programs import (
    describe_connection,
    end_process,
    read_last_words,
)


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
                    raise DumpDamagedError(f"The dump cannot be read: {read_last_words(errors)}")
            finally:
                end_process(process)

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
                return read_last_words(errors) if process.wait() != 0 else None
            finally:
                end_process(process)

    def _environment(self, url: str = "") -> dict[str, str]:
        # Nothing is lost when it is: the database is new, and made durable before it is used.
        return describe_connection(url, PGOPTIONS="-c synchronous_commit=off")
