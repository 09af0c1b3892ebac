"""What is stored is consistent: times go forward, nothing is there twice, garbage is named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from opentranscribe.features.transcription.rules.assignment import SpokenSegment
from opentranscribe.features.transcription.rules.tokens import TimedWord, join_tokens, spread

#: No language that writes spaces has spoken words of this length: the recogniser was stuck.
LONGEST_WORD = 50
NOISE = "[background noise]"
SHORTEST_SEGMENT_SECONDS = 0.02
_UNSPACED_SCRIPTS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
#: PostgreSQL takes neither NUL nor half of a surrogate pair; other control characters mean nothing.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class StoredSegment:
    """``text.split()`` has exactly one entry per element of ``words``."""

    start: float
    end: float
    text: str
    words: tuple[TimedWord, ...]
    speaker: int | None
    overlap: int | None
    confidence: float
    flags: tuple[str, ...]


def clean_segments(
    segments: Sequence[SpokenSegment], duration_seconds: float
) -> list[StoredSegment]:
    """Segments fit to be stored, in order of time; nothing in them lies past the duration."""
    cleaned: list[StoredSegment] = []
    seen: set[tuple[float, float, str]] = set()
    for segment in segments:
        words = _clean_words(segment.words, duration_seconds)
        if not words:
            continue
        end = max(*(word.end for word in words), SHORTEST_SEGMENT_SECONDS)
        start = min(words[0].start, end - SHORTEST_SEGMENT_SECONDS)
        text = " ".join(word.text for word in words)
        if (start, end, text) in seen:
            continue
        seen.add((start, end, text))
        cleaned.append(
            StoredSegment(
                start=start,
                end=end,
                text=text,
                words=tuple(words),
                speaker=segment.speaker,
                overlap=segment.overlap,
                confidence=round(sum(word.score for word in words) / len(words), 4),
                flags=segment.flags,
            )
        )
    return sorted(cleaned, key=lambda one: (one.start, one.end))


def _clean_words(words: Sequence[TimedWord], duration: float) -> list[TimedWord]:
    tidy = [replace(word, text=_UNSTORABLE.sub("", word.text)) for word in words]
    named = [part for word in tidy if word.text.strip() for part in _named(word)]
    cleaned: list[TimedWord] = []
    floor = 0.0
    for word in join_tokens(_without_repeated_noise(named)):
        start = round(min(max(word.start, floor, 0.0), duration), 3)
        end = round(min(max(word.end, start), duration), 3)
        cleaned.append(TimedWord(word.text, start, end, round(word.score, 4)))
        floor = start
    return cleaned


def _named(word: TimedWord) -> list[TimedWord]:
    if len(word.text) <= LONGEST_WORD or _UNSPACED_SCRIPTS.search(word.text):
        return [replace(word, text="".join(word.text.split()))]
    return spread(NOISE.split(), word.start, word.end, word.score)


def _without_repeated_noise(words: Sequence[TimedWord]) -> list[TimedWord]:
    noise = tuple(NOISE.split())
    kept: list[TimedWord] = []
    for word in words:
        kept.append(word)
        last = tuple(one.text for one in kept[-2 * len(noise) :])
        if last == noise + noise:
            del kept[-len(noise) :]
    return kept
