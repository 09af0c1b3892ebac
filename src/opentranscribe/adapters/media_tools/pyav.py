"""The media tools of ``ports.media_tools`` by PyAV (libav), each call in a limited child process."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import opentranscribe
from opentranscribe.ports.audio import SAMPLE_RATE_HZ
from opentranscribe.ports.media_tools import (
    DamagedMediaError,
    Decoded,
    EmptyMediaError,
    MediaError,
    MediaInfo,
    MediaToolError,
    NoAudioTrackError,
    NotMediaError,
)
from opentranscribe.ports.objects import StorageFullError
from opentranscribe.ports.progress import Progress, ignore_progress

PEAK_PAIRS_PER_SECOND = 50
SHORTEST_TIMEOUT_SECONDS = 120.0
TIMEOUT_SECONDS_PER_MEGABYTE = 8.0
#: A child that says nothing for this long hangs (a decoder's endless loop, a dying disk).
SILENCE_SECONDS = 120.0
POLL_SECONDS = 0.5
CHILD = "opentranscribe.adapters.media_tools.child"

ERRORS: dict[str, type[MediaError]] = {
    error.code: error
    for error in (NotMediaError, EmptyMediaError, NoAudioTrackError, DamagedMediaError)
}


class PyavMediaTools:
    """Implements the port ``MediaTools``; safe to call from many threads."""

    def __init__(self, longest_seconds: float = 48 * 3600.0) -> None:
        self._longest_seconds = longest_seconds

    def probe(self, source: Path) -> MediaInfo:
        found = self._run({"action": "probe"}, source, (), ignore_progress)
        found["created_at"] = _moment(found["created_at"])
        return MediaInfo(**found)

    def decode(self, source: Path, target: Path, peaks: Path, progress: Progress) -> Decoded:
        with _parts(target, peaks) as (target_part, peaks_part):
            request = {
                "action": "decode",
                "rate_hz": SAMPLE_RATE_HZ,
                "pairs_per_second": PEAK_PAIRS_PER_SECOND,
                "longest_seconds": self._longest_seconds,
                "target_part": _hex(target_part),
                "peaks_part": _hex(peaks_part),
            }
            found = self._run(request, source, (target.parent, peaks.parent), progress)
            _settle(peaks_part, peaks)
            _settle(target_part, target)
        progress(1.0)
        return Decoded(**{**found, "warnings": tuple(found["warnings"])})

    def thumbnail(
        self, source: Path, target: Path, at_seconds: float, max_width: int = 1280
    ) -> None:
        with _parts(target) as (part,):
            request = {
                "action": "thumbnail",
                "at_seconds": at_seconds,
                "max_width": max_width,
                "target_part": _hex(part),
            }
            self._run(request, source, (target.parent,), ignore_progress)
            _settle(part, target)

    def _run(
        self, request: dict[str, Any], source: Path, folders: Sequence[Path], progress: Progress
    ) -> dict[str, Any]:
        source = source.resolve()
        _require_file(source)
        request |= {
            "source": _hex(source),
            "folders": [_hex(folder.resolve()) for folder in folders],
            "parent_pid": os.getpid(),
        }
        megabytes = source.stat().st_size / 1_000_000
        deadline = max(SHORTEST_TIMEOUT_SECONDS, TIMEOUT_SECONDS_PER_MEGABYTE * megabytes)
        child = subprocess.Popen(
            [sys.executable, "-P", "-s", "-m", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,
        )
        try:
            return _converse(child, request, progress, deadline)
        finally:
            _end(child)


def _converse(
    child: subprocess.Popen[bytes], request: dict[str, Any], progress: Progress, deadline: float
) -> dict[str, Any]:
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError), child.stdin:
        child.stdin.write(json.dumps(request).encode() + b"\n")
    fraction = 0.0
    for message in _messages(child.stdout, deadline):
        if message is not None and "result" in message:
            result: dict[str, Any] = message["result"]
            return result
        if message is not None and "error" in message:
            raise _error(message["error"])
        if message is not None:
            fraction = max(fraction, float(message["progress"]))
        progress(fraction)
    child.wait()
    raise MediaToolError(_last_words(child.returncode), returncode=child.returncode)


def _messages(stream: IO[bytes], deadline: float) -> Iterator[dict[str, Any] | None]:
    """The child's lines, and None now and then while it is silent, so that callers can cancel."""
    started = heard = time.monotonic()
    pending = b""
    while True:
        ready, _, _ = select.select([stream], [], [], POLL_SECONDS)
        now = time.monotonic()
        if now - started > deadline or now - heard > SILENCE_SECONDS:
            raise MediaToolError("Reading this file took too long and was stopped.")
        if not ready:
            yield None
            continue
        heard = now
        received = os.read(stream.fileno(), 1 << 16)
        if not received:
            return
        *lines, pending = (pending + received).split(b"\n")
        for line in lines:
            yield json.loads(line)


def _error(error: dict[str, str]) -> Exception:
    code, message = error["code"], error["message"]
    if code == "storage_full":
        return StorageFullError(
            "The disk of the server is full, so the recording could not be decoded. It is kept; "
            "free some space and try again."
        )
    if code in ERRORS:
        return ERRORS[code](message)
    if code == "memory":
        return DamagedMediaError(
            "Reading this file needs more memory than any real recording does, so it was stopped."
        )
    if code == "failed":
        return MediaToolError(f"The file could not be read: {message}.")
    return MediaError(message)


def _last_words(returncode: int) -> str:
    if returncode == -signal.SIGXCPU:
        return "Reading this file used up its share of processor time and was stopped."
    return "The program that reads media ended unexpectedly."


def _end(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _environment() -> dict[str, str]:
    """No secret of ours is in it; one thread is enough for one file."""
    package = Path(opentranscribe.__file__).parent.parent
    return {
        "PYTHONPATH": os.pathsep.join([str(package), *filter(None, sys.path)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "LC_ALL": "C.UTF-8",
    }


def _require_file(source: Path) -> None:
    if not source.is_file():
        raise NotMediaError(f"{source.name!r} is not a file that can be read.")
    if source.stat().st_size == 0:
        raise EmptyMediaError(
            "This file is empty (0 bytes). Check the original and upload it again."
        )


@contextmanager
def _parts(*targets: Path) -> Iterator[tuple[Path, ...]]:
    """Names beside the targets for what is not finished, removed whatever happens."""
    token = uuid.uuid4().hex
    parts = tuple(target.resolve().with_name(f".{token}.{n}") for n, target in enumerate(targets))
    try:
        yield parts
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def _settle(part: Path, target: Path) -> None:
    part.replace(target)
    descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _moment(text: str | None) -> datetime | None:
    """ISO 8601 as containers write it; anything else is no date."""
    if not text or len(text) < len("2024-01-01"):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _hex(path: Path) -> str:
    """File names are bytes; JSON is not."""
    return os.fsencode(path).hex()
