"""Tells a transcript from what Whisper makes up: loops, blow-ups and text where nobody speaks.

The thresholds for compression and probability are those of the Whisper paper (Radford et al. 2022,
section 4.5).
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Doubt = Literal["loop", "compression", "silence", "improbable"]

_COMPRESSION_LIMIT = 2.4
_LOG_PROBABILITY_LIMIT = -1.0
_NO_SPEECH_LIMIT = 0.6
#: People speak 2 to 4 words a second; beyond this it is no longer speech.
_WORDS_PER_SECOND_LIMIT = 8.0
_LOOP_REPEATS = 4
_LOOP_LONGEST_PHRASE = 8
#: Stock phrases that Whisper learnt from subtitles and says over music and noise.
_INVENTED = frozenset(
    {
        "thank you for watching",
        "thanks for watching",
        "please subscribe",
        "subtitles by the amara org community",
        "untertitel der amara org community",
        "untertitel im auftrag des zdf fur funk 2017",
        "sous titres realises par la communaute d amara org",
        "ご視聴ありがとうございました",
    }
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one decoding gave, as far as the guard needs to know."""

    text: str
    speech_seconds: float
    mean_log_probability: float
    no_speech_probability: float


def find_doubts(attempt: Attempt) -> tuple[Doubt, ...]:
    """Why this text should not be believed; empty for a text that looks right."""
    words = plain_words(attempt.text)
    if not words:
        return ()
    doubts: list[Doubt] = []
    if has_loop(words) or _too_dense(words, attempt.speech_seconds):
        doubts.append("loop")
    if compression_ratio(attempt.text) > _COMPRESSION_LIMIT:
        doubts.append("compression")
    improbable = attempt.mean_log_probability < _LOG_PROBABILITY_LIMIT
    if _sounds_empty(attempt, words, improbable=improbable):
        doubts.append("silence")
    elif improbable:
        doubts.append("improbable")
    return tuple(doubts)


def _sounds_empty(attempt: Attempt, words: Sequence[str], *, improbable: bool) -> bool:
    if attempt.no_speech_probability <= _NO_SPEECH_LIMIT:
        return False
    return improbable or " ".join(words) in _INVENTED


def has_loop(words: Sequence[str]) -> bool:
    """True when a phrase of 1 to 8 words is said at least four times without a break.

    A single word may be repeated up to seven times ("no, no, no, no, no"): people do that.
    """
    return find_loop(words) is not None or _dominated(words)


def find_loop(words: Sequence[str]) -> tuple[int, int] | None:
    """Half-open range of the words that only repeat the phrase before them."""
    for size in range(1, _LOOP_LONGEST_PHRASE + 1):
        needed = size * ((_LOOP_REPEATS if size > 1 else _LOOP_REPEATS * 2) - 1)
        run = 0
        for index in range(size, len(words) + 1):
            if index < len(words) and words[index] == words[index - size]:
                run += 1
            elif run >= needed:
                return index - run, index
            else:
                run = 0
    return None


def _dominated(words: Sequence[str]) -> bool:
    """One group of four words makes up a third of a long text: a loop with small changes."""
    if len(words) < 40:
        return False
    groups = Counter(tuple(words[at : at + 4]) for at in range(len(words) - 3))
    return groups.most_common(1)[0][1] * 4 > len(words) / 2


def compression_ratio(text: str) -> float:
    raw = text.encode("utf-8")
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def _too_dense(words: Sequence[str], seconds: float) -> bool:
    return len(words) > 12 and len(words) > _WORDS_PER_SECOND_LIMIT * max(seconds, 0.1)


def plain_words(text: str) -> list[str]:
    kept = "".join(letter if letter.isalnum() else " " for letter in text.lower())
    return kept.split()
