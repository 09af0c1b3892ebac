"""Which voice said which word, and where a transcript is cut into segments."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from opentranscribe.features.transcription.rules.tokens import TimedWord, timed_words
from opentranscribe.ports.asr import Segment
from opentranscribe.ports.diarization import Turn

#: A stretch of a sentence shorter than both is not a change of speaker but an imprecise boundary.
SHORT_SECONDS = 0.8
SHORT_WORDS = 2
#: A word outside every turn belongs to the nearest one if that is this near.
REACH_SECONDS = 1.5
#: Overlapping speech shorter than this is not worth a mark.
OVERLAP_SECONDS = 0.25
#: Segments are cut after a sentence once they are this long, at such a pause, and never grow past
#: the last figure without being cut at their longest pause.
SENTENCE_SEGMENT_SECONDS = 4.0
PAUSE_SECONDS = 1.2
LONGEST_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class SpokenSegment:
    """``speaker`` counts from 0 in order of first word; None when nobody was told apart.

    ``overlap`` is the number of the stretch of overlapping speech that it takes part in.
    """

    start: float
    end: float
    words: tuple[TimedWord, ...]
    speaker: int | None = None
    overlap: int | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assigned:
    """``voices[i]`` is the diarizer's number of speaker ``i``."""

    segments: tuple[SpokenSegment, ...]
    voices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Spoken:
    word: TimedWord
    voice: int | None
    flags: tuple[str, ...]


def assign_speakers(segments: Sequence[Segment], turns: Sequence[Turn]) -> Assigned:
    """Recognised segments cut into turns of one speaker each.

    A word belongs to the voice that overlaps it most; a sentence is kept whole where the change
    lies within a short stretch of its beginning or end. No word is lost, added or moved.
    """
    index = TurnIndex(turns)
    spoken: list[_Spoken] = []
    for segment in sorted(segments, key=lambda s: (s.start, s.end)):
        words = timed_words(segment)
        for sentence in _sentences(words):
            voices = smooth([index.voice_of(word) for word in sentence], sentence)
            spoken.extend(
                _Spoken(word, voice, segment.flags)
                for word, voice in zip(sentence, voices, strict=True)
            )
    order = tuple(dict.fromkeys(one.voice for one in spoken if one.voice is not None))
    numbers = {voice: number for number, voice in enumerate(order)}
    overlaps = overlap_stretches(turns)
    cut = [_segment(part, numbers, overlaps) for part in _cut(spoken)]
    return Assigned(tuple(cut), order)


class TurnIndex:
    """Finds the turns around a moment without looking at all of them."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = sorted(turns, key=lambda turn: (turn.start, turn.end))
        self._starts = [turn.start for turn in self._turns]
        self._ends_so_far: list[float] = []
        latest = float("-inf")
        for turn in self._turns:
            latest = max(latest, turn.end)
            self._ends_so_far.append(latest)

    def voice_of(self, word: TimedWord) -> int | None:
        """The voice that overlaps the word most, else the nearest within reach, else None."""
        near = self._between(word.start - REACH_SECONDS, word.end + REACH_SECONDS)
        if not near:
            return None
        shares: dict[int, float] = {}
        for turn in near:
            shared = min(turn.end, word.end) - max(turn.start, word.start)
            shares[turn.speaker] = shares.get(turn.speaker, 0.0) + max(shared, 0.0)
        most = max(shares.values())
        if most > 0:
            # Of voices that overlap alike, the one that began last: it is the one interrupting.
            alike = {voice for voice, share in shares.items() if share >= most - 1e-6}
            touching = [t for t in near if t.speaker in alike and _touches(t, word)]
            return max(touching, key=lambda turn: turn.start).speaker
        return min(near, key=lambda turn: _distance(turn, word)).speaker

    def _between(self, start: float, end: float) -> list[Turn]:
        last = bisect_right(self._starts, end)
        found = []
        for place in range(last - 1, -1, -1):
            if self._ends_so_far[place] < start:
                break
            if self._turns[place].end >= start:
                found.append(self._turns[place])
        return found


def _touches(turn: Turn, word: TimedWord) -> bool:
    return turn.start < word.end and turn.end > word.start


def _distance(turn: Turn, word: TimedWord) -> float:
    return max(turn.start - word.end, word.start - turn.end, 0.0)


def _sentences(words: Sequence[TimedWord]) -> Iterable[list[TimedWord]]:
    held: list[TimedWord] = []
    for word in words:
        held.append(word)
        if word.ends_sentence:
            yield held
            held = []
    if held:
        yield held


def smooth(voices: Sequence[int | None], words: Sequence[TimedWord]) -> list[int | None]:
    """Voices of one sentence, short stretches given to their longest neighbour."""
    runs = _runs(voices, words)
    while len(runs) > 1:
        shortest = min(range(len(runs)), key=lambda i: (runs[i].voice is not None, runs[i].seconds))
        run = runs[shortest]
        if run.voice is not None and (run.count > SHORT_WORDS or run.seconds > SHORT_SECONDS):
            break
        around = [i for i in (shortest - 1, shortest + 1) if 0 <= i < len(runs)]
        heir = max(around, key=lambda i: runs[i].seconds)
        runs[shortest] = replace(run, voice=runs[heir].voice)
        runs = _merged(runs)
    return [run.voice for run in runs for _ in range(run.count)]


@dataclass(frozen=True, slots=True)
class _Run:
    voice: int | None
    count: int
    seconds: float


def _runs(voices: Sequence[int | None], words: Sequence[TimedWord]) -> list[_Run]:
    return _merged(
        [_Run(voice, 1, word.end - word.start) for voice, word in zip(voices, words, strict=True)]
    )


def _merged(runs: Sequence[_Run]) -> list[_Run]:
    merged: list[_Run] = []
    for run in runs:
        if merged and merged[-1].voice == run.voice:
            before = merged[-1]
            merged[-1] = _Run(run.voice, before.count + run.count, before.seconds + run.seconds)
        else:
            merged.append(run)
    return merged


def _cut(spoken: Sequence[_Spoken]) -> Iterable[list[_Spoken]]:
    held: list[_Spoken] = []
    for one in spoken:
        if held and _begins_segment(held, one):
            yield from _halves(held)
            held = []
        held.append(one)
    if held:
        yield from _halves(held)


def _begins_segment(held: Sequence[_Spoken], one: _Spoken) -> bool:
    before = held[-1]
    if one.voice != before.voice or one.word.start - before.word.end >= PAUSE_SECONDS:
        return True
    length = before.word.end - held[0].word.start
    return before.word.ends_sentence and length >= SENTENCE_SEGMENT_SECONDS


def _halves(part: list[_Spoken]) -> Iterable[list[_Spoken]]:
    """A stretch that is too long, cut at its longest pauses (or in the middle without any)."""
    waiting = [part]
    while waiting:
        one = waiting.pop()
        if one[-1].word.end - one[0].word.start <= LONGEST_SECONDS or len(one) < 2:
            yield one
            continue
        middle = len(one) / 2
        place = max(
            range(1, len(one)),
            key=lambda i: (round(one[i].word.start - one[i - 1].word.end, 2), -abs(i - middle)),
        )
        waiting += [one[place:], one[:place]]


def _segment(
    part: Sequence[_Spoken],
    numbers: dict[int, int],
    overlaps: Sequence[tuple[float, float]],
) -> SpokenSegment:
    words = tuple(one.word for one in part)
    start, end = words[0].start, max(word.end for word in words)
    voice = part[0].voice
    return SpokenSegment(
        start=start,
        end=end,
        words=words,
        speaker=None if voice is None else numbers[voice],
        overlap=_overlap(start, end, overlaps),
        flags=tuple(dict.fromkeys(flag for one in part for flag in one.flags)),
    )


def overlap_stretches(turns: Sequence[Turn]) -> list[tuple[float, float]]:
    """Where two voices or more speak at once for long enough to be worth a mark, in order."""
    edges = sorted([(turn.start, 1) for turn in turns] + [(turn.end, -1) for turn in turns])
    stretches: list[tuple[float, float]] = []
    active, since = 0, 0.0
    for time, change in edges:
        before = active
        active += change
        if before < 2 <= active:
            since = time
        elif active < 2 <= before and time - since >= OVERLAP_SECONDS:
            stretches.append((since, time))
    return stretches


def _overlap(start: float, end: float, stretches: Sequence[tuple[float, float]]) -> int | None:
    best, most = None, OVERLAP_SECONDS
    first = bisect_right(stretches, (start, float("-inf"))) - 1
    for place in range(max(first, 0), len(stretches)):
        since, until = stretches[place]
        if since >= end:
            break
        shared = min(end, until) - max(start, since)
        if shared >= most:
            best, most = place, shared
    return best
