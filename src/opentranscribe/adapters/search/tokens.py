"""Cutting text into what is indexed and asked for, the same way on both sides.

PostgreSQL's own parser is not used: it sees a Japanese sentence as one word, and its word
positions do not lead back to the word that was spoken.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

#: Scripts that are written without spaces: Han, kana, Thai, Lao, Khmer, Myanmar.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
WORD = re.compile(rf"[{UNSPACED}]+|[^\W_{UNSPACED}]+(?:['’][^\W_{UNSPACED}]+)*")
#: The same for text that is ASCII only, which is most.
_ASCII_WORD = re.compile(r"[0-9A-Za-z]+(?:'[0-9A-Za-z]+)*")
_IS_UNSPACED = re.compile(rf"[{UNSPACED}]")
#: Marks over Latin, Greek and Cyrillic letters are spelling; in other scripts they are vowels.
_PLAIN_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
MAX_TOKEN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Token:
    """``start`` and ``end`` are character offsets in the text it was cut from."""

    text: str
    start: int
    end: int


def tokenize(text: str) -> Iterator[Token]:
    """Folded words in order; runs of unspaced scripts as overlapping pairs of characters."""
    for start, end in token_spans(text):
        yield Token(fold(text[start:end])[:MAX_TOKEN_CHARACTERS], start, end)


def token_texts(text: str) -> list[str]:
    """The tokens without where they are: what indexing needs, many times as fast."""
    if text.isascii():
        words = _ASCII_WORD.findall(text.lower())
        return [word.replace("'", "")[:MAX_TOKEN_CHARACTERS] for word in words]
    return [fold(text[a:b])[:MAX_TOKEN_CHARACTERS] for a, b in token_spans(text)]


def token_spans(text: str, at_most: int | None = None) -> list[tuple[int, int]]:
    """Where the first ``at_most`` tokens are, without the cost of folding them."""
    if text.isascii():
        return [match.span() for match in islice(_ASCII_WORD.finditer(text), at_most)]
    return list(islice(_unusual_spans(text), at_most))


def _unusual_spans(text: str) -> Iterator[tuple[int, int]]:
    for match in WORD.finditer(text):
        start, end = match.span()
        if end - start == 1 or not _IS_UNSPACED.match(text, start):
            yield start, end
        else:
            for at in range(start, end - 1):
                yield at, at + 2


@lru_cache(maxsize=50_000)
def fold(word: str) -> str:
    """Lower case, compatible characters, no accents, letters and digits only."""
    if word.isascii():
        return word.lower() if word.isalnum() else word.replace("'", "").lower()
    folded = _without_accents(unicodedata.normalize("NFKC", word).casefold())
    kept = "".join(c for c in folded if c.isalnum() or unicodedata.category(c).startswith("M"))
    return kept or word


def _without_accents(word: str) -> str:
    kept: list[str] = []
    base_is_plain = False
    for character in unicodedata.normalize("NFD", word):
        if unicodedata.combining(character) and base_is_plain:
            continue
        if not unicodedata.combining(character):
            base_is_plain = unicodedata.name(character, "").startswith(_PLAIN_SCRIPTS)
        kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))
