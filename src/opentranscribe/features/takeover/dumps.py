"""A dump in any of its forms, read into a database aside."""

from __future__ import annotations

import gzip
import secrets
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from opentranscribe.features.takeover.errors import (
    DumpDamagedError,
    DumpUnsuitableError,
    TakeoverFailedError,
)
from opentranscribe.features.takeover.programs import Programs
from opentranscribe.features.takeover.rules.plain_sql import PlainSql, RefusedLineError

GZIP = b"\x1f\x8b"
ARCHIVE = b"PGDMP"
OURS = b"-- OpenTranscribe backup"
OTHER_PACKING = {
    b"BZh": "bunzip2",
    b"\xfd7zXZ": "unxz",
    b"(\xb5/\xfd": "unzstd",
    b"PK\x03\x04": "unzip",
}
TAR_MARK, TAR_MARK_AT, TAR_BLOCK = b"ustar", 257, 512
SNIFFED_BYTES = 512

Tell = Callable[[str], None]


def load_dump(dump: Path, url: str, programs: Programs, scratch_dir: Path) -> None:
    """Into the empty database of ``url``. Raises DumpUnsuitableError, DumpDamagedError,
    TakeoverFailedError."""
    text = PlainSql()
    try:
        with _open_lines(dump, programs, scratch_dir) as lines:
            said = programs.feed_psql(url, _guarded(text, lines))
    except RefusedLineError as error:
        raise DumpUnsuitableError(
            f"{dump.name}: {error}. A dump of a database needs nothing like that, so nothing of it"
            " was read. Make the dump anew with pg_dump, of one database."
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DumpDamagedError(f"{dump.name} is cut off or damaged: {error}.") from error
    if said is not None:
        raise TakeoverFailedError(
            f"PostgreSQL could not read {dump.name}: {said} Nothing of the live installation was"
            " changed. Make the dump anew, and try again."
        )
    if not text.tables and not text.is_complete:
        raise DumpUnsuitableError(f"{dump.name} is not a dump of a PostgreSQL database.")
    if not (text.is_complete and text.is_between_statements):
        raise DumpDamagedError(
            f"{dump.name} is cut off: its end mark is missing. Copy it again, or take another"
            " backup."
        )


def _guarded(text: PlainSql, lines: Iterable[bytes]) -> Iterator[bytes]:
    """psql itself obeys no command any more; what we overlooked it would refuse."""
    yield f"\\restrict {secrets.token_hex(16)}\n".encode()
    for line in lines:
        kept = text.feed(line)
        if kept:
            yield kept


@contextmanager
def _open_lines(dump: Path, programs: Programs, scratch_dir: Path) -> Iterator[Iterator[bytes]]:
    if dump.is_dir():
        if not any((dump / f"toc.dat{end}").is_file() for end in ("", ".gz")):
            raise DumpUnsuitableError(f"{dump} is a folder, but not one that pg_dump -Fd made.")
        with programs.read_archive(dump) as lines:
            yield lines
        return
    with _unpacked(dump) as handle:
        begin = handle.read(SNIFFED_BYTES)
    _refuse_others(dump, begin)
    if not _is_archive(begin):
        with _unpacked(dump) as handle:
            yield iter(handle)
        return
    with _plain_archive(dump, scratch_dir) as archive:
        if not begin.startswith(ARCHIVE):
            _require_whole_tar(archive)
        with programs.read_archive(archive) as lines:
            yield lines


def _unpacked(dump: Path) -> BinaryIO:
    try:
        with dump.open("rb") as handle:
            packed = handle.read(2) == GZIP
        return cast(BinaryIO, gzip.open(dump, "rb") if packed else dump.open("rb"))
    except OSError as error:
        raise DumpUnsuitableError(f"{dump} cannot be read: {error.strerror}.") from error


def _refuse_others(dump: Path, begin: bytes) -> None:
    for mark, program in OTHER_PACKING.items():
        if begin.startswith(mark):
            raise DumpUnsuitableError(f"{dump.name} is packed. Unpack it first: {program} {dump}")
    if begin.startswith(OURS):
        raise DumpUnsuitableError(
            f"{dump.name} is a backup of this program itself. Put it back with: ./opentr.sh"
            f" restore {dump}"
        )


def _is_archive(begin: bytes) -> bool:
    return begin.startswith(ARCHIVE) or begin[TAR_MARK_AT:].startswith(TAR_MARK)


def _require_whole_tar(archive: Path) -> None:
    """pg_restore does not miss the end; POSIX asks for two blocks of zeros there."""
    size = archive.stat().st_size
    with archive.open("rb") as handle:
        handle.seek(max(0, size - 2 * TAR_BLOCK))
        end = handle.read()
    if size % TAR_BLOCK or any(end):
        raise DumpDamagedError(f"{archive.name} is cut off: the end of the archive is missing.")


@contextmanager
def _plain_archive(dump: Path, scratch_dir: Path) -> Iterator[Path]:
    """pg_restore wants to move about in an archive, which it cannot in a packed one."""
    with dump.open("rb") as handle:
        if handle.read(2) != GZIP:
            yield dump
            return
    with tempfile.NamedTemporaryFile(dir=scratch_dir, prefix="import-") as unpacked:
        with gzip.open(dump, "rb") as packed:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
        unpacked.flush()
        yield Path(unpacked.name)
