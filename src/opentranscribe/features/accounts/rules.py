"""Which e-mail addresses and passwords are accepted: NIST SP 800-63B-4 §3.1.1, single factor."""

from __future__ import annotations

import hashlib
import re
import string
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

from opentranscribe.features.accounts.common_passwords import is_common
from opentranscribe.features.accounts.errors import EmailError, WeakPasswordError

Role = Literal["user", "admin"]

MIN_LENGTH = 15
MAX_LENGTH = 256
#: What must be left of a password without the words that anybody would guess first.
OWN_LENGTH = 8
FEWEST_CHARACTERS = 5
PRODUCT_WORDS = ("opentranscribe", "transcribe", "opentr", "administrator", "password", "passwort")
ROWS = (
    "0123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
)
LOOKALIKES = str.maketrans("01345@$7", "oleasast")
EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)*")


def normalise_email(email: str) -> str:
    """Raises EmailError. One person, one spelling: NFKC, lower case, no space around."""
    folded = unicodedata.normalize("NFKC", email).strip().lower()
    if len(folded) > 255 or not EMAIL.fullmatch(folded):
        raise EmailError("That is not an e-mail address.")
    return folded


def guard_subject(email: str) -> str:
    """The name under which guesses against an address are counted, whether it exists or not."""
    folded = unicodedata.normalize("NFKC", email).strip().lower()
    return hashlib.sha256(folded.encode("utf-8", "replace")).hexdigest()


def check_password(password: str, context: Iterable[str] = ()) -> None:
    """Raises WeakPasswordError. ``context`` are words about the person: e-mail, name.

    Length and a block list only: rules about kinds of characters, which the standard forbids, make
    passwords that are harder to remember and no harder to guess.
    """
    normal = unicodedata.normalize("NFKC", password)
    if len(normal) < MIN_LENGTH:
        raise WeakPasswordError(
            f"A password needs at least {MIN_LENGTH} characters. A few words in a row are fine."
        )
    if len(normal) > MAX_LENGTH:
        raise WeakPasswordError(f"A password has at most {MAX_LENGTH} characters.")
    folded = normal.casefold()
    if _is_common(folded) or _is_pattern(folded):
        raise WeakPasswordError(
            "This password is among the first that are guessed. Choose another; "
            "a few unrelated words in a row are fine."
        )
    if len(_without(folded, _words(context))) < OWN_LENGTH:
        raise WeakPasswordError(
            "This password is made of your name, your e-mail address or the name of this program. "
            "Choose one that says nothing about you."
        )


def _is_common(folded: str) -> bool:
    plain = re.sub(r"[\W_]+", "", folded)
    lettered = plain.translate(LOOKALIKES)
    bare = plain.strip(string.digits)
    spellings = {folded, plain, lettered, bare, bare.translate(LOOKALIKES)}
    if any(is_common(spelling) for spelling in spellings):
        return True
    # One common word several times over: "iloveyouiloveyou".
    return any(plain == plain[:size] * (len(plain) // size) for size in _periods(plain))


def _periods(text: str) -> list[int]:
    return [size for size in range(1, min(len(text) // 2, 12) + 1) if len(text) % size == 0]


def _is_pattern(folded: str) -> bool:
    """Few different characters, one piece over and over, or runs along alphabet and keyboard."""
    if len(set(folded)) < FEWEST_CHARACTERS:
        return True
    for size in range(1, len(folded) // 3 + 1):
        if folded == (folded[:size] * len(folded))[: len(folded)]:
            return True
    steps = sum(_is_step(a, b) for a, b in pairwise(folded))
    return steps >= 0.75 * (len(folded) - 1)


def _is_step(first: str, second: str) -> bool:
    if first == second:
        return True
    pairs = (first + second, second + first, first + second)
    return any(pair in row for row in ROWS for pair in pairs) or first + second in {"90", "09"}


def _words(context: Iterable[str]) -> list[str]:
    words = list(PRODUCT_WORDS)
    for text in context:
        words += [word for word in re.split(r"[\W_]+", text.casefold()) if len(word) >= 4]
    return sorted(set(words), key=len, reverse=True)


def _without(folded: str, words: list[str]) -> str:
    rest = re.sub(r"[\W_]+", "", folded)
    for word in words:
        rest = rest.replace(word, "")
    return re.sub(r"\d+$", "", rest) if len(rest) < OWN_LENGTH + 4 else rest
