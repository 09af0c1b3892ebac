"""Rows in COPY's text form, turned by column and compressed: alike beside alike takes less room.

Lossless: ``decode`` gives back the very bytes. The digest is taken of the turned form before it is
compressed, so that proving a chunk need not turn it back.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import Any

import zstandard

from opentranscribe.features.backup.errors import BackupDamagedError

LEVEL = 1
#: No chunk is anywhere near it; a damaged length must not take all the memory.
LARGEST_COLUMN = 1 << 31
_TEXT, _UUID = 0, 1
_HEAD = struct.Struct("<HI")
_COLUMN = struct.Struct("<BI")
_DASHES = (8, 13, 18, 23)


def encode(text: bytes, columns: int) -> tuple[bytes, str]:
    """The chunk and its digest. ``text`` is one or more rows of that many columns, each ended by a
    line feed."""
    fields = text[:-1].replace(b"\n", b"\t").split(b"\t")
    if columns == 0 or not text.endswith(b"\n") or len(fields) % columns:
        raise ValueError("these are no rows of that many columns")
    compress = zstandard.ZstdCompressor(level=LEVEL, write_checksum=False).compress
    heads, bodies = [_HEAD.pack(columns, len(fields) // columns)], []
    digest = hashlib.sha256()
    for number in range(columns):
        kind, content = _pack(fields[number::columns])
        _feed(digest, kind, content)
        bodies.append(compress(content))
        heads.append(_COLUMN.pack(kind, len(bodies[-1])))
    return b"".join(heads + bodies), digest.hexdigest()


def digest_text(text: bytes, columns: int) -> str:
    """The digest that `encode` gives, of rows that need not be kept."""
    fields = text[:-1].replace(b"\n", b"\t").split(b"\t")
    digest = hashlib.sha256()
    for number in range(columns):
        _feed(digest, *_pack(fields[number::columns]))
    return digest.hexdigest()


def digest_blob(blob: bytes) -> str:
    """The digest of a chunk as it lies in a backup. Raises BackupDamagedError."""
    digest = hashlib.sha256()
    for kind, content in _unpack(blob)[1]:
        _feed(digest, kind, content)
    return digest.hexdigest()


def decode(blob: bytes) -> bytes:
    """The rows. Raises BackupDamagedError for what `encode` did not make."""
    rows, parts = _unpack(blob)
    try:
        values = [_SPELL[kind](content) for kind, content in parts]
    except KeyError as error:
        raise BackupDamagedError("A part of the backup is of an unknown kind.") from error
    if {len(one) for one in values} != {rows}:
        raise BackupDamagedError("A part of the backup has another number of rows than it says.")
    return b"\n".join(map(b"\t".join, zip(*values, strict=True))) + b"\n"


def _unpack(blob: bytes) -> tuple[int, list[tuple[int, bytes]]]:
    try:
        columns, rows = _HEAD.unpack_from(blob)
        place = _HEAD.size + columns * _COLUMN.size
        decompress = zstandard.ZstdDecompressor().decompress
        parts = []
        for number in range(columns):
            kind, length = _COLUMN.unpack_from(blob, _HEAD.size + number * _COLUMN.size)
            frame = blob[place : place + length]
            if zstandard.frame_content_size(frame) > LARGEST_COLUMN:
                raise ValueError("it says to be larger than anything we write")
            parts.append((kind, decompress(frame, max_output_size=LARGEST_COLUMN)))
            place += length
        if place != len(blob):
            raise ValueError("it has another length than it says")
    except (ValueError, struct.error, zstandard.ZstdError) as error:
        raise BackupDamagedError(f"A part of the backup cannot be read: {error}.") from error
    return rows, parts


def _feed(digest: Any, kind: int, content: bytes) -> None:
    digest.update(_COLUMN.pack(kind, len(content)))
    digest.update(content)


def _pack(values: list[bytes]) -> tuple[int, bytes]:
    if len(values[0]) == 36 and set(map(len, values)) == {36}:
        joined = b"".join(values)
        if joined == joined.lower() and _has_dashes(joined, len(values)):
            try:
                raw = bytes.fromhex(joined.replace(b"-", b"").decode("ascii"))
            except ValueError:
                raw = b""
            if len(raw) == 16 * len(values):
                return _UUID, raw
    return _TEXT, b"\n".join(values)


def _has_dashes(joined: bytes, count: int) -> bool:
    expected = b"-" * count
    return joined.count(b"-") == 4 * count and all(joined[at::36] == expected for at in _DASHES)


def _unpack_uuids(content: bytes) -> list[bytes]:
    digits = content.hex()
    return [
        f"{digits[i : i + 8]}-{digits[i + 8 : i + 12]}-{digits[i + 12 : i + 16]}-"
        f"{digits[i + 16 : i + 20]}-{digits[i + 20 : i + 32]}".encode()
        for i in range(0, len(digits), 32)
    ]


_SPELL: dict[int, Callable[[bytes], list[bytes]]] = {
    _TEXT: lambda content: content.split(b"\n"),
    _UUID: _unpack_uuids,
}
