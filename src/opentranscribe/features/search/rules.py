"""Cutting a transcript into chunks, and reading operators out of a query; no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

TARGET_WORDS = 200
OVERLAP_WORDS = 40
#: A shorter turn of the same speaker is joined to what went before.
MIN_TURN_WORDS = 20
#: Scripts without spaces count characters: about two make a word.
MAX_CHARACTERS = 2_000

SPEAKER = re.compile(r'(?<!\S)speaker:(?:"([^"]*)"|(\S+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SpokenWord:
    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """Consecutive words of one speaker."""

    speaker: str
    words: tuple[SpokenWord, ...]


@dataclass
class Chunk:
    speaker: str
    words: list[SpokenWord] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def characters(self) -> int:
        return sum(len(word.text) + 1 for word in self.words)


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    text: str
    speakers: tuple[str, ...]


def parse_query(typed: str) -> ParsedQuery:
    """``speaker:Ann`` and ``speaker:"Ann Lee"`` become filters; the rest is what to find."""
    speakers = tuple(quoted or bare for quoted, bare in SPEAKER.findall(typed))
    return ParsedQuery(" ".join(SPEAKER.sub(" ", typed).split()), tuple(s for s in speakers if s))


def cut_chunks(turns: Iterable[SpokenTurn]) -> list[Chunk]:
    """About 200 words each, one speaker each, cut at sentence ends, long turns overlapping by
    whole sentences of up to 40 words, so that a phrase across a cut is found."""
    chunks: list[Chunk] = []
    for turn in turns:
        if not turn.words:
            continue
        last = chunks[-1] if chunks else None
        if (
            last is not None
            and last.speaker == turn.speaker
            and len(turn.words) < MIN_TURN_WORDS
            and len(last.words) + len(turn.words) <= TARGET_WORDS
        ):
            last.words.extend(turn.words)
        else:
            chunks.extend(_cut_turn(turn))
    return chunks


def _cut_turn(turn: SpokenTurn) -> Iterator[Chunk]:
    chunk = Chunk(turn.speaker)
    fresh = 0
    for sentence in _sentences(turn.words):
        full = len(chunk.words) + len(sentence) > TARGET_WORDS
        heavy = chunk.characters + sum(len(w.text) + 1 for w in sentence) > MAX_CHARACTERS
        if fresh and (full or heavy):
            yield chunk
            chunk = Chunk(turn.speaker, _tail(chunk.words))
            fresh = 0
        chunk.words.extend(sentence)
        fresh += len(sentence)
    if fresh:
        yield chunk


def _sentences(words: Iterable[SpokenWord]) -> Iterator[list[SpokenWord]]:
    """Sentences; one that never ends is cut at the target."""
    held: list[SpokenWord] = []
    for word in words:
        held.append(word)
        if _ends_sentence(word.text) or len(held) >= TARGET_WORDS:
            yield held
            held = []
    if held:
        yield held


def _tail(words: list[SpokenWord]) -> list[SpokenWord]:
    """The last whole sentences of at most OVERLAP_WORDS."""
    ends = [i + 1 for i, word in enumerate(words[:-1]) if _ends_sentence(word.text)]
    start = next((end for end in ends if len(words) - end <= OVERLAP_WORDS), len(words))
    return words[start:]


def _ends_sentence(token: str) -> bool:
    return token.rstrip("\"')]»”’").endswith((".", "?", "!", "…", "。", "？", "！", "।", "؟"))
