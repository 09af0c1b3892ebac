"""Large files sealed in blocks (AES-256-GCM), so that none of them has to fit into memory.

The nonce is the block's number and whether it is the last (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár, 2015): blocks cannot be dropped, doubled or reordered unnoticed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from opentranscribe.features.backup.errors import BackupDamagedError

BLOCK_BYTES = 1 << 20
TAG_BYTES = 16


def encrypt_file(source: Path, folder: Path, key: bytes) -> str:
    """A new file in ``folder``, named by the SHA-256 of what it contains. ``key`` is used once."""
    cipher, digest = AESGCM(key), hashlib.sha256()
    draft = folder / f".{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with source.open("rb") as origin, os.fdopen(descriptor, "wb") as handle:
        for number, block, is_last in _blocks(iter(lambda: origin.read(BLOCK_BYTES), b"")):
            sealed = cipher.encrypt(_nonce(number, is_last), block, None)
            digest.update(sealed)
            handle.write(sealed)
        handle.flush()
        os.fsync(handle.fileno())
    draft.rename(folder / digest.hexdigest())
    return digest.hexdigest()


def iter_decrypted(path: Path, key: bytes) -> Iterator[bytes]:
    """Raises BackupDamagedError."""
    cipher = AESGCM(key)
    with path.open("rb") as handle:
        sealed = iter(lambda: handle.read(BLOCK_BYTES + TAG_BYTES), b"")
        for number, block, is_last in _blocks(sealed):
            try:
                yield cipher.decrypt(_nonce(number, is_last), block, None)
            except (InvalidTag, ValueError) as error:
                raise BackupDamagedError(f"The file {path.name} is damaged.") from error


def _blocks(blocks: Iterator[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """With number and whether it is the last; an empty file is one empty block."""
    number, held = 0, next(blocks, b"")
    for block in blocks:
        yield number, held, False
        number, held = number + 1, block
    yield number, held, True


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])
