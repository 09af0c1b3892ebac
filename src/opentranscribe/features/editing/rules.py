"""Giving times to corrected words; no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

Words = list[dict[str, Any]]


def retime(words: Sequence[Mapping[str, Any]], text: str, start: float, end: float) -> Words:
    """One entry per whitespace token of ``text`` with times in seconds within [start, end].

    Tokens that were there before keep their time and score. A corrected stretch shares the time of
    what it replaces, by the length of its tokens; an insertion shares the gap it falls into, and
    borrows from its neighbours when there is none. Times never go back.
    """
    tokens = text.split()
    old = [str(word["word"]) for word in words]
    matcher = SequenceMatcher(None, [_plain(t) for t in old], [_plain(t) for t in tokens], False)
    retimed: Words = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            pairs = zip(words[i1:i2], tokens[j1:j2], strict=True)
            retimed.extend({**word, "word": token} for word, token in pairs)
        elif j2 > j1:
            span = _span(words, i1, i2, start, end)
            retimed.extend(_share(tokens[j1:j2], *span))
    return _forward(retimed, start, end)


def _plain(token: str) -> str:
    """Punctuation and case do not make it another word for its time."""
    plain = "".join(character for character in token.casefold() if character.isalnum())
    return plain or token


def _span(
    words: Sequence[Mapping[str, Any]], i1: int, i2: int, start: float, end: float
) -> tuple[float, float]:
    if i2 > i1:
        return float(words[i1]["start"]), float(words[i2 - 1]["end"])
    left = float(words[i1 - 1]["end"]) if i1 > 0 else start
    right = float(words[i1]["start"]) if i1 < len(words) else end
    return left, max(left, right)


def _share(tokens: Sequence[str], start: float, end: float) -> Words:
    total = sum(len(token) for token in tokens) or 1
    shared, at = [], start
    for token in tokens:
        until = at + (end - start) * len(token) / total
        shared.append({"word": token, "start": at, "end": until, "score": 1.0})
        at = until
    return shared


def _forward(words: Words, start: float, end: float) -> Words:
    """Clamp into [start, end] and never step back in time."""
    for word in words:
        word["start"] = round(min(max(word["start"], start), end), 3)
        word["end"] = round(min(max(word["end"], word["start"]), end), 3)
    for before, after in pairwise(words):
        after["start"] = max(after["start"], before["start"])
        after["end"] = max(after["end"], after["start"])
    return words


def mean_score(words: Sequence[Mapping[str, Any]]) -> float | None:
    scores = [float(word["score"]) for word in words if word.get("score") is not None]
    return round(sum(scores) / len(scores), 4) if scores else None
