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

from opentranscribe.features.backup.errors import BackupFailedError
from opentranscribe.work.client_programs import (
    describe_connection,
    end_process,
    read_last_words,
)

BLOCK_BYTES = 1 << 18


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
                end_process(process)

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
                end_process(process)

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
        if code != 0:
            raise BackupFailedError(f"{program} failed ({code}): {read_last_words(errors)}")

    def _environment(self) -> dict[str, str]:
        return describe_connection(self.url, PGTZ="UTC")
