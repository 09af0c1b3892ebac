"""Words as the page wants them: whole-text segments with one time per whitespace token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def columns(
    text: str, words: Sequence[Mapping[str, Any]] | None, start: float, end: float
) -> tuple[list[int], list[int], list[int]]:
    """Starts (ms), ends (ms) and confidences (0..100), one entry per token of ``text``.

    Stored words that do not match the tokens (a transcript of an older program) are not trusted:
    the segment's time is then shared by the length of the tokens and confidence is 0.
    """
    tokens = text.split()
    if words is not None and len(words) == len(tokens):
        return (
            [round(word["start"] * 1000) for word in words],
            [round(word["end"] * 1000) for word in words],
            [round((word.get("score") or 0.0) * 100) for word in words],
        )
    total = sum(map(len, tokens)) or 1
    per_character = max(end - start, 0.0) * 1000 / total
    starts, ends, at = [], [], start * 1000
    for token in tokens:
        starts.append(round(at))
        at += per_character * len(token)
        ends.append(round(at))
    return starts, ends, [0] * len(tokens)


def speaker_name(label: str, display_name: str | None) -> str:
    """What to call a voice: its given name, or "Speaker 1" for SPEAKER_00."""
    if display_name:
        return display_name
    prefix, _, number = label.rpartition("_")
    if prefix == "SPEAKER" and number.isdigit():
        return f"Speaker {int(number) + 1}"
    return label
