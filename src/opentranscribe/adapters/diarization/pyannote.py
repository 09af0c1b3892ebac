"""Diarization with pyannote's community-1 pipeline on torch, for machines with a GPU.

Needs the ``gpu`` extra and, the first time, a token of an account that accepted the model's terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from opentranscribe.ports.asr import ModelMissingError
from opentranscribe.ports.audio import SAMPLE_RATE_HZ, Pcm
from opentranscribe.ports.diarization import (
    Diarization,
    MatchBand,
    SpeakerCount,
    Turn,
    Voiceprint,
)
from opentranscribe.ports.progress import Progress

PIPELINE = "pyannote/speaker-diarization-community-1"
MODEL = "wespeaker-resnet34"
MODEL_VERSION = "community-1"
LEAST_PRINT_SECONDS = 2.0
LONGEST_PRINT_SECONDS = 60

#: Steps of the pipeline that report how far they are: (begins at, takes) of the whole.
_STEPS = {"segmentation": (0.0, 0.4), "embeddings": (0.4, 0.55)}
#: Wide, because it was not measured on this program's own recordings.
_BAND = MatchBand(same_at_least=0.65, perhaps_at_least=0.45)


class PyannoteDiarizer:
    """The :class:`Diarizer` port. ``token`` opens the gated model on the hub; cached ones need none.

    The whole recording is held in memory while it works, as the pipeline wants it.
    """

    def __init__(self, token: str | None = None) -> None:
        self._token = token
        self._pipeline: Any = None

    def diarize(self, audio: Pcm, count: SpeakerCount, progress: Progress) -> Diarization:
        pipeline = self._load()
        progress(0.0)
        import torch  # noqa: PLC0415 - only the gpu extra has it

        sound = torch.from_numpy(audio.window(0.0, audio.duration_seconds))[None]
        output = pipeline(
            {"waveform": sound, "sample_rate": SAMPLE_RATE_HZ},
            min_speakers=count.minimum,
            max_speakers=count.maximum,
            hook=_Watcher(progress),
        )
        progress(1.0)
        return convert_output(output)

    def embed_speakers(
        self, audio: Pcm, spoken: Sequence[Sequence[tuple[float, float]]], progress: Progress
    ) -> tuple[Voiceprint | None, ...]:
        """By the pipeline's own embedding network, at most a minute of each speaker."""
        pipeline = self._load()
        import torch  # noqa: PLC0415 - only the gpu extra has it

        prints: list[Voiceprint | None] = []
        for number, spans in enumerate(spoken, start=1):
            parts = [audio.window(start, end) for start, end in spans]
            sound = np.concatenate(parts or [np.zeros(0, np.float32)])
            seconds = sound.shape[0] / SAMPLE_RATE_HZ
            if seconds < LEAST_PRINT_SECONDS:
                prints.append(None)
            else:
                heard = sound[: LONGEST_PRINT_SECONDS * SAMPLE_RATE_HZ]
                vectors = pipeline._embedding(torch.from_numpy(heard)[None, None])  # noqa: SLF001
                prints.append(_print(vectors, 0, seconds))
            progress(number / len(spoken))
        return tuple(prints)

    def match_band(self, model: str, version: str) -> MatchBand:
        """Unknown models get a band in which nobody is ever recognised."""
        return _BAND if (model, version) == (MODEL, MODEL_VERSION) else MatchBand(2.0, 2.0)

    def unload(self) -> None:
        self._pipeline = None

    def _load(self) -> Any:
        if self._pipeline is None:
            self._pipeline = self._open()
        return self._pipeline

    def _open(self) -> Any:
        try:
            import torch  # noqa: PLC0415 - only the gpu extra has it
            from pyannote.audio import Pipeline  # noqa: PLC0415
        except ImportError as error:
            raise ModelMissingError(
                "Diarization with pyannote needs more packages. Your recordings are safe. "
                "Install opentranscribe[gpu], or set the diarization engine to onnx."
            ) from error
        try:
            pipeline = Pipeline.from_pretrained(PIPELINE, token=self._token)
        except (OSError, ValueError) as error:
            raise _missing() from error
        if pipeline is None:
            raise _missing()
        if torch.cuda.is_available():
            pipeline.to(torch.device("cuda"))
        return pipeline


class _Watcher:
    """The pipeline's hook: passes on how far it is, and lets Cancelled through."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __call__(
        self,
        step: str,
        _artifact: object,
        file: object = None,
        total: int | None = None,
        completed: int | None = None,
    ) -> None:
        begin, share = _STEPS.get(step, (0.95, 0.0))
        self._progress(begin + share * ((completed or 0) / total if total else 0.0))


def convert_output(output: Any) -> Diarization:
    """From the pipeline's answer; speakers are counted anew in order of first speech."""
    tracks = [
        (segment.start, segment.end, label)
        for segment, _, label in output.speaker_diarization.itertracks(yield_label=True)
    ]
    tracks.sort()
    order = list(dict.fromkeys(label for _, _, label in tracks))
    labels = output.speaker_diarization.labels()
    turns = tuple(Turn(start, end, order.index(label)) for start, end, label in tracks)
    return Diarization(
        turns,
        tuple(
            _print(
                output.speaker_embeddings,
                labels.index(label),
                sum(end - start for start, end, own in tracks if own == label),
            )
            for label in order
        ),
    )


def _print(embeddings: Any, row: int, seconds: float) -> Voiceprint | None:
    """None when the pipeline gave no embedding, or one of nothing."""
    if embeddings is None or row >= len(embeddings) or seconds < LEAST_PRINT_SECONDS:
        return None
    vector = np.asarray(embeddings[row], dtype=np.float32)
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        return None
    return Voiceprint(vector / np.float32(length), MODEL, MODEL_VERSION, seconds)


def _missing() -> ModelMissingError:
    return ModelMissingError(
        f"The model {PIPELINE} is not on this machine and could not be fetched. Your recordings "
        "are safe. Accept its terms on huggingface.co, set HUGGINGFACE_TOKEN, and try again; or "
        "set the diarization engine to onnx, which needs no account."
    )
