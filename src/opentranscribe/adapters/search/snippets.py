"""Showing where a chunk matches: a few words around, marked, and the time to play from."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from opentranscribe.adapters.search.tokens import Token, tokenize

WORDS_BEFORE = 8
WORDS_SHOWN = 34


@dataclass(frozen=True, slots=True)
class Snippet:
    """``html`` is escaped text in which only ``<mark>`` is markup; ``start`` in seconds."""

    html: str
    start: float


def cut_snippet(body: str, word_starts: Sequence[float], positions: Sequence[int]) -> Snippet:
    """``positions`` count tokens from 1, as the index does; none shows the beginning."""
    tokens = list(tokenize(body))
    hits = [tokens[p - 1] for p in positions if p <= len(tokens)]
    words = [(m.start(), m.end()) for m in re.finditer(r"\S+", body)]
    if not words:
        return Snippet("", word_starts[0] if word_starts else 0.0)
    first_hit = _word_at(words, _densest(hits).start) if hits else 0
    first = max(0, first_hit - WORDS_BEFORE)
    last = min(len(words), first + WORDS_SHOWN)
    shown = _marked(body, words[first][0], words[last - 1][1], hits)
    before = "… " if first > 0 else ""
    after = " …" if last < len(words) else ""
    start = word_starts[min(first_hit, len(word_starts) - 1)] if word_starts else 0.0
    return Snippet(f"{before}{shown}{after}", start)


def mark_words(text: str, wanted: set[str]) -> str:
    """A title with the tokens that were asked for marked."""
    hits = [token for token in tokenize(text) if token.text in wanted]
    return _marked(text, 0, len(text), hits)


def _densest(hits: Sequence[Token]) -> Token:
    """The hit after which most others follow closely: where the words stand together."""
    reach = 6 * WORDS_SHOWN
    return max(hits, key=lambda hit: sum(hit.start <= h.start < hit.start + reach for h in hits))


def _word_at(words: Sequence[tuple[int, int]], offset: int) -> int:
    return next((i for i, (_, end) in enumerate(words) if end > offset), len(words) - 1)


def _marked(body: str, start: int, end: int, hits: Sequence[Token]) -> str:
    spans = _merged([(h.start, h.end) for h in hits if h.start >= start and h.end <= end])
    parts, at = [], start
    for left, right in spans:
        parts += [html.escape(body[at:left]), "<mark>", html.escape(body[left:right]), "</mark>"]
        at = right
    parts.append(html.escape(body[at:end]))
    return "".join(parts)


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Overlapping marks (pairs of characters in unspaced scripts) become one."""
    merged: list[tuple[int, int]] = []
    for left, right in sorted(set(spans)):
        if merged and left <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged
