"""Passwords as they are kept: argon2id at the cost OWASP recommends (19 MiB, two passes)."""

from __future__ import annotations

import threading
import unicodedata
from functools import cache

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

from opentranscribe.kit.legacy_passwords import is_legacy_hash, verify_legacy

MEMORY_KIB = 19 * 1024
PASSES = 2
#: Each hash holds 19 MiB; more callers than this wait, so that a storm of log-ins cannot
#: take the memory of the process.
AT_ONCE = threading.BoundedSemaphore(4)

_argon2 = PasswordHash((Argon2Hasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1),))


def normalise_password(password: str) -> str:
    """NFKC, as NIST SP 800-63B-4 §3.1.1.2 asks, so that every keyboard types the same password."""
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str) -> str:
    return _hash(normalise_password(password))


def _hash(given: str) -> str:
    with AT_ONCE:
        return _argon2.hash(given)


def verify_password(password: str, stored: str | None) -> tuple[bool, str | None]:
    """Whether it is the password, and a new hash when the stored one is of an older make.

    Without a usable stored hash the same work is done for nothing, so that the time taken does
    not tell whether an account exists. Hashes of the earlier system take longer: where there are
    any, the caller has to even the times out.
    """
    given = normalise_password(password)
    if stored is not None and is_legacy_hash(stored):
        return _verify_and_replace(password, given, stored)
    with AT_ONCE:
        try:
            return _argon2.verify_and_update(given, stored or _nobody())
        except PwdlibError:
            _argon2.verify(given, _nobody())
            return False, None


def _verify_and_replace(password: str, given: str, stored: str) -> tuple[bool, str | None]:
    """The earlier system hashed what was typed, without normalising it."""
    with AT_ONCE:
        matches = verify_legacy(password, stored)
    return matches, _hash(given) if matches else None


def spend_verification(password: str) -> None:
    """The time of one verification, for answers that are already decided."""
    verify_password(password, None)


@cache
def _nobody() -> str:
    return _argon2.hash("the password of nobody")
