"""Showing where a chunk matches: a few words around, marked, and the time to play from."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from opentranscribe.adapters.search.tokens import token_spans, tokenize

Span = tuple[int, int]

WORDS_BEFORE = 8
WORDS_SHOWN = 34


@dataclass(frozen=True, slots=True)
class Snippet:
    """``html`` is escaped text in which only ``<mark>`` is markup; ``start`` in seconds."""

    html: str
    start: float


def cut_snippet(body: str, word_starts: Sequence[float], positions: Sequence[int]) -> Snippet:
    """``positions`` count tokens from 1, as the index does; none shows the beginning."""
    tokens = list(token_spans(body)) if positions else []
    hits = [tokens[p - 1] for p in positions if p <= len(tokens)]
    words = [(m.start(), m.end()) for m in re.finditer(r"\S+", body)]
    if not words:
        return Snippet("", word_starts[0] if word_starts else 0.0)
    first_hit = _word_at(words, _densest(hits)[0]) if hits else 0
    first = max(0, first_hit - WORDS_BEFORE)
    last = min(len(words), first + WORDS_SHOWN)
    shown = _marked(body, words[first][0], words[last - 1][1], hits)
    before = "… " if first > 0 else ""
    after = " …" if last < len(words) else ""
    start = word_starts[min(first_hit, len(word_starts) - 1)] if word_starts else 0.0
    return Snippet(f"{before}{shown}{after}", start)


def mark_words(text: str, wanted: set[str]) -> str:
    """A title with the tokens that were asked for marked."""
    hits = [(token.start, token.end) for token in tokenize(text) if token.text in wanted]
    return _marked(text, 0, len(text), hits)


def _densest(hits: Sequence[Span]) -> Span:
    """The hit after which most others follow closely: where the words stand together."""
    reach = 6 * WORDS_SHOWN
    return max(hits, key=lambda hit: sum(hit[0] <= other[0] < hit[0] + reach for other in hits))


def _word_at(words: Sequence[Span], offset: int) -> int:
    return next((i for i, (_, end) in enumerate(words) if end > offset), len(words) - 1)


def _marked(body: str, start: int, end: int, hits: Sequence[Span]) -> str:
    spans = _merged([hit for hit in hits if hit[0] >= start and hit[1] <= end])
    parts, at = [], start
    for left, right in spans:
        parts += [html.escape(body[at:left]), "<mark>", html.escape(body[left:right]), "</mark>"]
        at = right
    parts.append(html.escape(body[at:end]))
    return "".join(parts)


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Overlapping marks (pairs of characters in unspaced scripts) become one."""
    merged: list[Span] = []
    for left, right in sorted(set(spans)):
        if merged and left <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged
