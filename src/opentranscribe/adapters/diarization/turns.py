"""From labelled tracks to the turns of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from opentranscribe.adapters.diarization.pieces import Piece, Span, join_spans
from opentranscribe.adapters.diarization.tracks import Run
from opentranscribe.ports.diarization import Turn

#: Pauses of a speaker shorter than this belong to the turn, unless somebody else talks in them.
PAUSE_SECONDS = 0.8
#: The same when somebody else does: a breath between two words of overlapped speech.
OVERLAPPED_PAUSE_SECONDS = 0.2
#: The network hears speech begin a little late and end a little early, most of all quiet speech.
MARGIN_SECONDS = 0.15
#: Shorter turns are clicks and breaths.
SHORTEST_TURN_SECONDS = 0.2


def build_turns(
    runs: Sequence[Run], pieces: Sequence[Piece], labels: NDArray[np.int64], end: float
) -> list[Turn]:
    """Turns in order of time, within [0, ``end``]; speakers are numbered by their voice.

    Speech between the pieces of a track goes to the nearest of them.
    """
    spoken: dict[int, list[Span]] = {}
    known: dict[int, list[tuple[Piece, int]]] = {}
    for piece, label in zip(pieces, labels.tolist(), strict=True):
        known.setdefault(piece.track, []).append((piece, label))
    by_track: dict[int, list[Run]] = {}
    for run in runs:
        by_track.setdefault(run.track, []).append(run)
    for track, own in by_track.items():
        for start, stop, label in _label_spans(join_spans(own), known.get(track, [])):
            spoken.setdefault(label, []).append((start, min(stop, end)))
    united = {speaker: _unite(spans) for speaker, spans in spoken.items()}
    kept = {
        speaker: [span for span in _fill_pauses(speaker, united) if _is_turn(span)]
        for speaker in united
    }
    turns = [
        Turn(round(start, 3), round(stop, 3), speaker)
        for speaker in kept
        for start, stop in _widen(speaker, kept, end)
    ]
    return sorted(turns, key=lambda turn: (turn.start, turn.end, turn.speaker))


def renumber(turns: Sequence[Turn]) -> tuple[list[Turn], list[int]]:
    """Count speakers in order of first speech; also returns the old number of each new one."""
    order = list(dict.fromkeys(turn.speaker for turn in turns))
    numbers = {old: new for new, old in enumerate(order)}
    return [Turn(turn.start, turn.end, numbers[turn.speaker]) for turn in turns], order


def _label_spans(
    spans: Sequence[Span], pieces: Sequence[tuple[Piece, int]]
) -> list[tuple[float, float, int]]:
    """Cut spans half-way between neighbouring pieces that have different labels."""
    labelled: list[tuple[float, float, int]] = []
    cuts = [
        ((left.stop + right.start) / 2, label)
        for (left, label), (right, other) in pairwise(pieces)
        if label != other
    ]
    for start, stop in spans if pieces else ():
        begin = start
        for time, label in cuts:
            if begin < time < stop:
                labelled.append((begin, time, label))
                begin = time
        following = [label for time, label in cuts if time >= stop]
        labelled.append((begin, stop, following[0] if following else pieces[-1][1]))
    return labelled


def _is_turn(span: Span) -> bool:
    return span[1] - span[0] >= SHORTEST_TURN_SECONDS


def _unite(spans: Sequence[Span]) -> list[Span]:
    united: list[Span] = []
    for start, stop in sorted(spans):
        if united and start <= united[-1][1] + 1e-6:
            united[-1] = (united[-1][0], max(united[-1][1], stop))
        else:
            united.append((start, stop))
    return united


def _widen(speaker: int, everyone: dict[int, list[Span]], end: float) -> list[Span]:
    """Add the margin on both sides, as far as nobody else talks there."""
    others = [span for index, own in everyone.items() if index != speaker for span in own]
    starts = np.sort([start for start, _ in others])
    stops = np.sort([stop for _, stop in others])
    widened = []
    for start, stop in everyone[speaker]:
        first, last = max(0.0, start - MARGIN_SECONDS), min(end, stop + MARGIN_SECONDS)
        near = stops[(stops > first) & (stops <= start)]
        far = starts[(starts >= stop) & (starts < last)]
        widened.append((float(near.max(initial=first)), float(far.min(initial=last))))
    return _unite(widened)


def _fill_pauses(speaker: int, everyone: dict[int, list[Span]]) -> list[Span]:
    others = sorted(span for index, own in everyone.items() if index != speaker for span in own)
    starts = np.array([start for start, _ in others])
    latest = np.maximum.accumulate([stop for _, stop in others]) if others else starts
    filled: list[Span] = []
    for start, stop in everyone[speaker]:
        if filled:
            before = filled[-1][1]
            # Of the others that begin before the pause ends, does any reach into it?
            index = int(np.searchsorted(starts, start)) - 1
            taken = index >= 0 and latest[index] > before
            if start - before < (OVERLAPPED_PAUSE_SECONDS if taken else PAUSE_SECONDS):
                filled[-1] = (filled[-1][0], stop)
                continue
        filled.append((start, stop))
    return filled
