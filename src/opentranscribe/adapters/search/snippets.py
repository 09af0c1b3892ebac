"""Showing where a chunk matches: a few words around, marked, and the time to play from."""

from __future__ import annotations

import html
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from opentranscribe.adapters.search.tokens import token_spans, tokenize

Span = tuple[int, int]

WORDS_BEFORE = 8
WORDS_SHOWN = 34
#: A word between spaces can be several tokens.
TOKENS_AHEAD = 2 * WORDS_SHOWN


@dataclass(frozen=True, slots=True)
class Snippet:
    """``html`` is escaped text in which only ``<mark>`` is markup; ``start`` in seconds."""

    html: str
    start: float


def cut_snippet(body: str, word_starts: Sequence[float], positions: Sequence[int]) -> Snippet:
    """``positions`` count tokens from 1, as the index does; none shows the beginning."""
    hits, first = _hits(body, positions)
    at = hits[first][0] if first < len(hits) else 0
    words_before = body[:at].split()
    if words_before and not body[at - 1].isspace():
        at -= len(words_before.pop())
    before = body[:at].rsplit(None, WORDS_BEFORE)
    is_cut = len(before) > WORDS_BEFORE
    start = _next_word(body, len(before[0]) if is_cut else 0)
    rest = body[start:].split(None, WORDS_SHOWN)
    goes_on = len(rest) > WORDS_SHOWN
    shown = body.rstrip() if not goes_on else body[: -len(rest[-1])].rstrip()
    marked = _marked(body, start, len(shown), hits)
    last = len(word_starts) - 1
    time = word_starts[min(len(words_before), last)] if last >= 0 else 0.0
    return Snippet(f"{'… ' if is_cut else ''}{marked}{' …' if goes_on else ''}", float(time))


def _hits(body: str, positions: Sequence[int]) -> tuple[list[Span], int]:
    """Where the words are, as far as can be shown, and which is first of those that stand
    together the most."""
    if not positions:
        return [], 0
    followed = [bisect_left(positions, p + WORDS_SHOWN) - i for i, p in enumerate(positions)]
    first = followed.index(max(followed))
    spans = token_spans(body, positions[first] + TOKENS_AHEAD)
    return [spans[p - 1] for p in positions if p <= len(spans)], first


def _next_word(body: str, at: int) -> int:
    return len(body) - len(body[at:].lstrip())


def mark_words(text: str, wanted: set[str]) -> str:
    """A title with the tokens that were asked for marked."""
    hits = [(token.start, token.end) for token in tokenize(text) if token.text in wanted]
    return _marked(text, 0, len(text), hits)


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
