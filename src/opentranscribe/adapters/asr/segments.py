"""From timed words to segments of readable length that end where sentences end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opentranscribe.ports.asr import Segment, Word

_SENTENCE_ENDS = (".", "?", "!", "。", "？", "！", "…", "؟", "।")
_CLAUSE_ENDS = (",", ";", ":", "，", "、", "；", "：", "،")
_ABBREVIATIONS = frozenset(
    (
        "mr.",
        "mrs.",
        "ms.",
        "dr.",
        "prof.",
        "st.",
        "vs.",
        "etc.",
        "e.g.",
        "i.e.",
        "no.",
        "jr.",
        "sr.",
    )
)
_PAUSE_SECONDS = 2.0
_LONGEST_SECONDS = 12.0
_LONGEST_CHARACTERS = 180


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word as decoded: ``text`` keeps its leading space where the language has spaces."""

    start: float
    end: float
    text: str
    probability: float


def split_into_segments(
    words: Sequence[TimedWord], flags: tuple[str, ...] = ()
) -> tuple[Segment, ...]:
    """Segments in order; word times never go back and lie inside their segment."""
    groups: list[list[TimedWord]] = []
    current: list[TimedWord] = []
    for word in in_order(words):
        if current and _breaks(current, word):
            groups.append(current)
            current = []
        current.append(word)
    if current:
        groups.append(current)
    return tuple(_segment(group, flags) for group in groups)


def in_order(words: Sequence[TimedWord]) -> list[TimedWord]:
    """The words that say something, each starting no earlier than the one before."""
    ordered: list[TimedWord] = []
    earliest = 0.0
    for word in words:
        if not word.text.strip():
            continue
        start = max(word.start, earliest)
        end = max(word.end, start)
        ordered.append(TimedWord(start, end, word.text, word.probability))
        earliest = start
    for index in range(len(ordered) - 1):
        word, following = ordered[index], ordered[index + 1]
        if word.end > following.start:
            ordered[index] = TimedWord(word.start, following.start, word.text, word.probability)
    return ordered


def _breaks(current: Sequence[TimedWord], word: TimedWord) -> bool:
    previous = current[-1]
    if word.start - previous.end >= _PAUSE_SECONDS:
        return True
    text = previous.text.strip()
    if text.endswith(_SENTENCE_ENDS) and text.lower() not in _ABBREVIATIONS:
        return True
    seconds = word.end - current[0].start
    characters = sum(len(item.text) for item in current) + len(word.text)
    excess = max(seconds / _LONGEST_SECONDS, characters / _LONGEST_CHARACTERS)
    # At a comma a long segment may end early; without one it must end somewhere.
    return excess > 1.0 or (excess > 0.7 and text.endswith(_CLAUSE_ENDS))


def _segment(group: Sequence[TimedWord], flags: tuple[str, ...]) -> Segment:
    words = tuple(
        Word(item.start, item.end, item.text.strip(), round(item.probability, 4)) for item in group
    )
    return Segment(
        start=words[0].start,
        end=max(word.end for word in words),
        text="".join(item.text for item in group).strip(),
        words=words,
        confidence=round(sum(word.probability for word in words) / len(words), 4),
        flags=flags,
    )
