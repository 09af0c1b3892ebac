"""What a person typed, as phrases of tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from opentranscribe.adapters.search.tokens import UNSPACED, WORD, tokenize
from opentranscribe.ports.search import SearchQueryError

MAX_TOKENS = 40
QUOTED = re.compile(r'["“„«]([^"“”„«»]*)["”“»]')
_STARTS_UNSPACED = re.compile(rf"[{UNSPACED}]")

#: Lexemes by token: several where the searched files are in several languages.
Lexemes = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Question:
    """Each phrase is a run of tokens that must stand side by side; most have one token."""

    phrases: tuple[tuple[str, ...], ...]

    @property
    def tokens(self) -> list[str]:
        return list(dict.fromkeys(token for phrase in self.phrases for token in phrase))

    def replaced(self, corrections: Mapping[str, str]) -> Question:
        return Question(
            tuple(tuple(corrections.get(t, t) for t in phrase) for phrase in self.phrases)
        )


def ask(text: str) -> Question:
    """Raises SearchQueryError when there is nothing to look for, or too much."""
    phrases: list[tuple[str, ...]] = []
    rest = QUOTED.sub(lambda match: _keep(match.group(1), phrases), text)
    for match in WORD.finditer(rest):
        tokens = tuple(token.text for token in tokenize(match.group()))
        if _STARTS_UNSPACED.match(match.group()):
            phrases.append(tokens)
        else:
            phrases.extend((token,) for token in tokens)
    phrases = [phrase for phrase in phrases if phrase]
    if not phrases:
        raise SearchQueryError("Type at least one word to search for.")
    if sum(map(len, phrases)) > MAX_TOKENS:
        raise SearchQueryError(f"A search can have at most {MAX_TOKENS} words.")
    return Question(tuple(dict.fromkeys(phrases)))


def _keep(quoted: str, phrases: list[tuple[str, ...]]) -> str:
    phrases.append(tuple(token.text for token in tokenize(quoted)))
    return " "
