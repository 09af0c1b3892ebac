"""Words of a transcript with times, and how they are written: with or without a space before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from opentranscribe.ports.asr import Segment, Word

SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！", "؟", "।")
CLOSING = "\"')]»”’」』"


@dataclass(frozen=True, slots=True)
class TimedWord:
    """``spaced`` is False for a word written right after the one before (Chinese, Japanese)."""

    text: str
    start: float
    end: float
    score: float
    spaced: bool = True

    @property
    def ends_sentence(self) -> bool:
        return self.text.rstrip(CLOSING).endswith(SENTENCE_ENDS)


def timed_words(segment: Segment) -> list[TimedWord]:
    """The words of a recognised segment, without any space inside; times in seconds."""
    if not segment.words:
        return spread(segment.text.split(), segment.start, segment.end, segment.confidence)
    spaced = _spacing(segment.text, segment.words)
    found: list[TimedWord] = []
    for word, space in zip(segment.words, spaced, strict=True):
        parts = spread(word.text.split(), word.start, word.end, word.probability)
        if parts and not space and found:
            first = parts[0]
            parts[0] = TimedWord(first.text, first.start, first.end, first.score, spaced=False)
        found.extend(parts)
    return found


def spread(texts: Sequence[str], start: float, end: float, score: float) -> list[TimedWord]:
    """Words without times of their own share a time by their length."""
    total = sum(map(len, texts)) or 1
    seconds = max(end - start, 0.0)
    words, at = [], start
    for text in texts:
        until = at + seconds * len(text) / total
        words.append(TimedWord(text, at, until, score))
        at = until
    return words


def join_tokens(words: Iterable[TimedWord]) -> list[TimedWord]:
    """One entry per whitespace-separated token: words written together become one."""
    tokens: list[TimedWord] = []
    for word in words:
        if word.spaced or not tokens:
            tokens.append(TimedWord(word.text, word.start, word.end, word.score))
            continue
        before = tokens[-1]
        tokens[-1] = TimedWord(
            before.text + word.text,
            before.start,
            max(before.end, word.end),
            min(before.score, word.score),
        )
    return tokens


def _spacing(text: str, words: Sequence[Word]) -> list[bool]:
    """Whether a space stands before each word in ``text``; all True when they do not match it."""
    found: list[bool] = []
    at = 0
    for word in words:
        wanted = word.text.strip()
        place = text.find(wanted, at)
        if place < 0 or text[at:place].strip():
            return [True] * len(words)
        found.append(place > at)
        at = place + len(wanted)
    return found
