"""Password hashes as the earlier system kept them; verified once, then replaced by our own."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re

import bcrypt

#: bcrypt reads no more of a password; the earlier system let the rest go by unnoticed.
BCRYPT_BYTES = 72
#: More work than this was never asked for; a row that does is not worth the processor.
BCRYPT_COSTS = range(4, 17)
MOST_ROUNDS = 4_000_000

BCRYPT = re.compile(r"(\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{22})[./A-Za-z0-9]{31}")
BCRYPT_SHA256 = re.compile(
    r"\$bcrypt-sha256\$v=2,t=2b,r=(\d{1,2})\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})"
)
PBKDF2_SHA256 = re.compile(r"\$pbkdf2-sha256\$([1-9]\d{0,7})\$([./A-Za-z0-9]*)\$([./A-Za-z0-9]+)")


def is_legacy_hash(stored: str) -> bool:
    """Whether it is a hash of one of these forms; markers such as ``!`` or ``external`` are none."""
    if found := BCRYPT.fullmatch(stored):
        return int(found[2]) in BCRYPT_COSTS
    if found := BCRYPT_SHA256.fullmatch(stored):
        return int(found[1]) in BCRYPT_COSTS
    found = PBKDF2_SHA256.fullmatch(stored)
    return found is not None and int(found[1]) <= MOST_ROUNDS


def verify_legacy(password: str, stored: str) -> bool:
    """Whether it is the password; False for anything that is no such hash."""
    if not is_legacy_hash(stored):
        return False
    given = password.encode("utf-8", "replace")
    if BCRYPT.fullmatch(stored):
        return _verify_bcrypt(given, stored)
    if found := BCRYPT_SHA256.fullmatch(stored):
        cost, salt, digest = found.groups()
        # passlib's version 2: HMAC keyed by the salt's text, so that a leaked plain SHA-256 of a
        # password is of no use here.
        mixed = hmac.digest(salt.encode(), given, "sha256")
        return _verify_bcrypt(base64.b64encode(mixed), f"$2b${int(cost):02}${salt}{digest}")
    found = PBKDF2_SHA256.fullmatch(stored)
    return found is not None and _verify_pbkdf2(given, *found.groups())


def _verify_bcrypt(given: bytes, stored: str) -> bool:
    if b"\0" in given:
        return False
    try:
        return bcrypt.checkpw(given[:BCRYPT_BYTES], stored.encode())
    except ValueError:  # a salt that bcrypt itself would not have made
        return False


def _verify_pbkdf2(given: bytes, rounds: str, salt: str, digest: str) -> bool:
    try:
        expected = _decode(digest)
        made = hashlib.pbkdf2_hmac("sha256", given, _decode(salt), int(rounds), len(expected))
    except binascii.Error:
        return False
    return hmac.compare_digest(made, expected)


def _decode(adapted: str) -> bytes:
    """passlib's base64: ``.`` for ``+`` and no padding."""
    plain = adapted.replace(".", "+")
    return base64.b64decode(plain + "=" * (-len(plain) % 4))
