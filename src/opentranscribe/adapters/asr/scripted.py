"""A recogniser that says what it was told to: for tests that are about everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from opentranscribe.adapters.asr.segments import TimedWord, split_into_segments
from opentranscribe.ports.asr import (
    RecognitionInfo,
    RecognitionOptions,
    RecognitionWindow,
    RecognizerModel,
    SpeechSpan,
    take_all,
)
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.progress import Progress

_WINDOW_SECONDS = 30.0
_LOUD = 0.003
_STEP_SECONDS = 0.5


class ScriptedRecognizer:
    """Speech is where the sound is loud; the words of ``script`` are said there, one after another.

    The same recording always gives the same text. The script starts anew when it runs out.
    """

    def __init__(
        self,
        script: str = "This is a test recording. It has two sentences.",
        *,
        words_per_second: float = 2.0,
        language: str = "en",
    ) -> None:
        self._words = script.split()
        self._pace = 1.0 / words_per_second
        self._language = language

    def device(self) -> Literal["cpu", "cuda"]:
        return "cpu"

    def models(self) -> Sequence[RecognizerModel]:
        return [RecognizerModel("scripted", "all", 0, translates=True, state="ready")]

    def detect_speech(
        self, audio: Pcm, options: RecognitionOptions, progress: Progress
    ) -> list[SpeechSpan]:
        spans: list[SpeechSpan] = []
        duration = audio.duration_seconds
        position = 0.0
        while position < duration:
            end = min(position + _STEP_SECONDS, duration)
            samples = audio.window(position, end)
            if len(samples) and float(abs(samples).max()) > _LOUD:
                if spans and spans[-1].end == position:
                    spans[-1] = SpeechSpan(spans[-1].start, end)
                else:
                    spans.append(SpeechSpan(position, end))
            position = end
            progress(position / duration)
        return spans

    def recognize(
        self,
        audio: Pcm,
        speech: Sequence[SpeechSpan],
        options: RecognitionOptions,
        progress: Progress,
        *,
        take: Callable[[int], bool] = take_all,
    ) -> tuple[RecognitionInfo, Iterator[RecognitionWindow]]:
        spans = _shorten(speech)
        info = RecognitionInfo(
            language=options.language or self._language,
            language_probability=1.0,
            model="scripted",
            device="cpu",
            compute_type="none",
            duration_seconds=audio.duration_seconds,
            window_count=len(spans),
            speech=tuple(speech),
        )
        return info, self._decode(spans, progress, take)

    def unload(self) -> None:
        return

    def _decode(
        self, spans: Sequence[SpeechSpan], progress: Progress, take: Callable[[int], bool]
    ) -> Iterator[RecognitionWindow]:
        said = 0
        for index, span in enumerate(spans):
            count = int((span.end - span.start) / self._pace)
            words = [
                TimedWord(
                    span.start + number * self._pace,
                    span.start + (number + 0.9) * self._pace,
                    f" {self._words[(said + number) % len(self._words)]}",
                    0.95,
                )
                for number in range(count)
            ]
            said += count
            if take(index):
                segments = split_into_segments(words)
                yield RecognitionWindow(index, len(spans), span.start, span.end, segments)
            progress((index + 1) / len(spans))


def _shorten(speech: Sequence[SpeechSpan]) -> list[SpeechSpan]:
    pieces: list[SpeechSpan] = []
    for span in speech:
        start = span.start
        while span.end - start > _WINDOW_SECONDS:
            pieces.append(SpeechSpan(start, start + _WINDOW_SECONDS))
            start += _WINDOW_SECONDS
        pieces.append(SpeechSpan(start, span.end))
    return pieces
