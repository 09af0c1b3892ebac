"""Diarization with two small networks on ONNX Runtime: no torch, no GPU, bounded memory.

Windows of ten seconds tell who of three local speakers talks when; tracks follow them from window
to window; pieces of the tracks are told apart by their voices; clustering counts the voices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opentranscribe.adapters.diarization.assignment import assign_voices
from opentranscribe.adapters.diarization.clustering import find_voices
from opentranscribe.adapters.diarization.pieces import (
    Piece,
    Span,
    cut_pieces,
    cut_spans,
    embed_piece,
)
from opentranscribe.adapters.diarization.refinement import find_doubtful, refine_pieces
from opentranscribe.adapters.diarization.segmentation import (
    BATCH_WINDOWS,
    iter_windows,
    plan_windows,
)
from opentranscribe.adapters.diarization.sessions import Networks
from opentranscribe.adapters.diarization.tracks import Run, iter_runs
from opentranscribe.adapters.diarization.turns import build_turns, renumber
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.diarization import (
    Diarization,
    MatchBand,
    SpeakerCount,
    Voiceprint,
)
from opentranscribe.ports.progress import Progress

MODEL = "cam++"
MODEL_VERSION = "3dspeaker-200k-1"
DIMENSION = 192

#: Less speech than this makes no print that could be recognised elsewhere.
LEAST_PRINT_SECONDS = 2.0
#: Where the time goes: two thirds into windows, one third into voices.
_WINDOWS_SHARE = 0.6
_PIECES_SHARE = 0.36


class OnnxDiarizer:
    """The :class:`Diarizer` port. ``find_folder`` says where the model is, and fetches it if need be.

    One call at a time uses ``threads`` threads; the default leaves the rest to recognition.
    """

    def __init__(self, find_folder: Callable[[], Path], *, threads: int = 1) -> None:
        self._find_folder = find_folder
        self._threads = threads
        self._networks: Networks | None = None

    def diarize(self, audio: Pcm, count: SpeakerCount, progress: Progress) -> Diarization:
        networks = self._load()
        progress(0.0)
        runs = _follow(networks, audio, progress)
        pieces = cut_pieces(runs)
        vectors = _embed(networks, audio, pieces, progress)
        seconds = np.array([piece.seconds for piece in pieces])
        labels, voices = assign_voices(pieces, vectors, find_voices(vectors, seconds, count))

        def look_again(piece: Piece) -> NDArray[np.float32]:
            progress(_WINDOWS_SHARE + _PIECES_SHARE)
            return embed_piece(networks, audio, piece)

        refined, names = refine_pieces(pieces, vectors, labels, voices, look_again)
        turns, order = renumber(build_turns(runs, refined, names, audio.duration_seconds))
        pure = ~find_doubtful(pieces, vectors @ voices.T, labels)
        prints = tuple(_print(vectors, seconds * (labels == old), pure) for old in order)
        progress(1.0)
        return Diarization(tuple(turns), prints)

    def embed_speakers(
        self, audio: Pcm, spoken: Sequence[Sequence[Span]], progress: Progress
    ) -> tuple[Voiceprint | None, ...]:
        networks = self._load()
        own = [cut_spans(number, spans) for number, spans in enumerate(spoken)]
        total = max(1, sum(map(len, own)))
        done, prints = 0, []
        for pieces in own:
            vectors = np.zeros((len(pieces), DIMENSION))
            for index, piece in enumerate(pieces):
                vectors[index] = embed_piece(networks, audio, piece)
                done += 1
                progress(done / total)
            seconds = np.array([piece.seconds for piece in pieces])
            prints.append(_print(vectors, seconds, np.ones(len(pieces), dtype=np.bool_)))
        return tuple(prints)

    def match_band(self, model: str, version: str) -> MatchBand:
        """Unknown models get a band in which nobody is ever recognised."""
        return _BANDS.get((model, version), MatchBand(2.0, 2.0))

    def unload(self) -> None:
        self._networks = None

    def _load(self) -> Networks:
        if self._networks is None:
            self._networks = Networks(self._find_folder(), self._threads)
        return self._networks


#: bench/voiceprint_bands.py on three seconds of 60 clips of 6 speakers, plain, as by telephone and
#: noisy, compared across: at 0.55 no pair of 8 937 is wrongly the same, at 0.40 2.5 % are missed.
_BANDS = {(MODEL, MODEL_VERSION): MatchBand(same_at_least=0.55, perhaps_at_least=0.40)}


def _follow(networks: Networks, audio: Pcm, progress: Progress) -> list[Run]:
    total = len(plan_windows(audio.sample_count))
    done = 0

    def watch() -> None:
        nonlocal done
        done += BATCH_WINDOWS
        progress(_WINDOWS_SHARE * min(done / total, 1.0))

    return [run for part in iter_runs(iter_windows(networks, audio, watch)) for run in part]


def _embed(
    networks: Networks, audio: Pcm, pieces: Sequence[Piece], progress: Progress
) -> NDArray[np.float64]:
    vectors = np.zeros((len(pieces), DIMENSION))
    for index, piece in enumerate(pieces):
        vectors[index] = embed_piece(networks, audio, piece)
        progress(_WINDOWS_SHARE + _PIECES_SHARE * (index + 1) / len(pieces))
    return vectors


def _print(
    vectors: NDArray[np.float64], seconds: NDArray[np.float64], pure: NDArray[np.bool_]
) -> Voiceprint | None:
    """The voice of pieces, weighted by their seconds; doubtful ones only where others are few."""
    if (seconds * pure).sum() >= LEAST_PRINT_SECONDS:
        seconds = seconds * pure
    total = seconds @ vectors
    spoken, length = float(seconds.sum()), float(np.linalg.norm(total))
    if spoken < LEAST_PRINT_SECONDS or length == 0:
        return None
    vector = (total / length).astype(np.float32)
    return Voiceprint(vector, MODEL, MODEL_VERSION, round(spoken, 2))
