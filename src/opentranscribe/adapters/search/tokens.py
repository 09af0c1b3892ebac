"""Cutting text into what is indexed and asked for, the same way on both sides.

PostgreSQL's own parser is not used: it sees a Japanese sentence as one word, and its word
positions do not lead back to the word that was spoken.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

#: Scripts that are written without spaces: Han, kana, Thai, Lao, Khmer, Myanmar.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{UNSPACED}]+|[^\W_{UNSPACED}]+(?:['’][^\W_{UNSPACED}]+)*")
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
    for match in WORD.finditer(text):
        run, at = match.group(), match.start()
        if not _IS_UNSPACED.match(run):
            folded = fold(run)
            if folded:
                yield Token(folded[:MAX_TOKEN_CHARACTERS], at, match.end())
        elif len(run) == 1:
            yield Token(run, at, at + 1)
        else:
            for i in range(len(run) - 1):
                yield Token(run[i : i + 2], at + i, at + i + 2)


def fold(word: str) -> str:
    """Lower case, compatible characters, no accents, letters and digits only."""
    folded = unicodedata.normalize("NFKC", word).casefold()
    if not folded.isascii():
        folded = _without_accents(folded)
    return "".join(c for c in folded if c.isalnum() or unicodedata.category(c).startswith("M"))


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
