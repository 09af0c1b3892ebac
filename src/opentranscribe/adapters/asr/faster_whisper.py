"""The recogniser: faster-whisper on CTranslate2, windows decoded side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Literal

import ctranslate2
from faster_whisper import WhisperModel

from opentranscribe.adapters.asr.decoder import DecodingChoices, WindowDecoder
from opentranscribe.adapters.asr.devices import Device, choose_device
from opentranscribe.adapters.asr.languages import detect_language
from opentranscribe.adapters.asr.segments import TimedWord, split_into_segments
from opentranscribe.adapters.asr.voice import find_spans, measure_speech
from opentranscribe.adapters.asr.windows import Window, plan_windows
from opentranscribe.adapters.models.registry import BY_NAME
from opentranscribe.kit.errors import UnsupportedError
from opentranscribe.ports.asr import (
    ModelMissingError,
    RecognitionInfo,
    RecognitionOptions,
    RecognitionWindow,
    RecognizerModel,
    Segment,
    SpeechSpan,
    UnknownLanguageError,
    take_all,
)
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.models import ModelStore
from opentranscribe.ports.progress import Progress

_REPORT_SECONDS = 1.0


class TranslationUnsupportedError(UnsupportedError):
    code = "translation_unsupported"


class FasterWhisperRecognizer:
    """Implements :class:`opentranscribe.ports.asr.Recognizer`.

    ``workers`` windows are decoded at once with ``threads_per_worker`` threads each. On CPUs more
    workers with one thread each beat fewer with more: the decoder's small steps do not divide.
    """

    def __init__(
        self,
        store: ModelStore,
        *,
        workers: int = 2,
        threads_per_worker: int = 1,
        device: Device | None = None,
    ) -> None:
        self._store = store
        self._workers = max(1, workers)
        self._threads = max(1, threads_per_worker)
        self._device = device or choose_device()
        self._lock = threading.Lock()
        self._loaded: dict[str, WhisperModel] = {}

    def device(self) -> Literal["cpu", "cuda"]:
        return self._device.kind

    def models(self) -> Sequence[RecognizerModel]:
        return [
            RecognizerModel(
                name=status.name,
                languages=BY_NAME[status.name].languages,
                size_bytes=status.size_bytes,
                translates=BY_NAME[status.name].translates,
                state=status.state,
            )
            for status in self._store.list_models()
            if status.purpose == "recognition" and status.name in BY_NAME
        ]

    def detect_speech(
        self, audio: Pcm, options: RecognitionOptions, progress: Progress
    ) -> list[SpeechSpan]:
        probabilities = measure_speech(audio, progress, self._workers * self._threads)
        return find_spans(probabilities, options, audio.duration_seconds)

    def recognize(
        self,
        audio: Pcm,
        speech: Sequence[SpeechSpan],
        options: RecognitionOptions,
        progress: Progress,
        *,
        take: Callable[[int], bool] = take_all,
    ) -> tuple[RecognitionInfo, Iterator[RecognitionWindow]]:
        model = self._load(options.model, progress)
        _require_ability(model, options)
        windows = plan_windows(speech, audio)
        language, probability = _choose_language(model, audio, windows, options, progress)
        choices = DecodingChoices(
            language=language,
            task=options.task if model.model.is_multilingual else "transcribe",
            beam_size=max(1, options.beam_size),
            hotwords=", ".join(options.hotwords) or None,
        )
        info = RecognitionInfo(
            language=language,
            language_probability=probability,
            model=options.model,
            device=self._device.kind,
            compute_type=model.model.compute_type,
            duration_seconds=audio.duration_seconds,
            window_count=len(windows),
            speech=tuple(speech),
        )
        run = _Run(model, choices, audio, windows, self._workers)
        return info, run.decode(take, progress)

    def unload(self) -> None:
        with self._lock:
            self._loaded.clear()

    def _load(self, name: str, progress: Progress) -> WhisperModel:
        with self._lock:
            folder = self._store.find(name)
            if name in self._loaded and folder is not None:
                return self._loaded[name]
            self._loaded.pop(name, None)
            if folder is None:
                # Fetching is not recognising: only the wish to stop is passed on.
                folder = self._store.fetch(name, lambda _fraction: progress(0.0))
            model = self._open(name, folder, progress)
            # One model at a time: two large ones would not fit where one does.
            self._loaded = {name: model}
            return model

    def _open(self, name: str, folder: Path, progress: Progress) -> WhisperModel:
        try:
            return self._construct(folder)
        except (RuntimeError, ValueError) as error:
            # The cheap look saw nothing; read every byte before trying once more.
            if name not in BY_NAME or self._store.check(name).state == "ready":
                raise _unloadable(name, folder) from error
        folder = self._store.fetch(name, lambda _fraction: progress(0.0))
        try:
            return self._construct(folder)
        except (RuntimeError, ValueError) as error:
            raise _unloadable(name, folder) from error

    def _construct(self, folder: Path) -> WhisperModel:
        # Sampling, the last resort of the guard, shall give the same text each time.
        ctranslate2.set_random_seed(1)
        return WhisperModel(
            str(folder),
            device=self._device.kind,
            compute_type=self._device.compute_type,
            cpu_threads=self._threads,
            num_workers=self._workers,
            local_files_only=True,
        )


class _Run:
    """One recognition: a few windows in work, nothing more in memory."""

    def __init__(
        self,
        model: WhisperModel,
        choices: DecodingChoices,
        audio: Pcm,
        windows: Sequence[Window],
        workers: int,
    ) -> None:
        self._stopped = threading.Event()
        self._decoder = WindowDecoder(model, choices, lambda: not self._stopped.is_set())
        self._audio = audio
        self._windows = windows
        self._passed = 0
        self._workers = workers

    def decode(
        self, take: Callable[[int], bool], progress: Progress
    ) -> Iterator[RecognitionWindow]:
        wanted = self._wanted(take)
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="recognize")
        pending: set[Future[RecognitionWindow]] = set()
        finished: set[Future[RecognitionWindow]] = set()
        try:
            while True:
                # Before results are given away, so that nobody is idle while they are stored.
                while len(pending) < self._workers and (window := next(wanted, None)):
                    pending.add(pool.submit(self._decode_window, window))
                for future in sorted(finished, key=lambda item: item.result().index):
                    yield future.result()
                if not pending:
                    break
                finished, pending = wait(pending, _REPORT_SECONDS, FIRST_COMPLETED)
                progress((self._passed - len(pending)) / len(self._windows))
        finally:
            self._stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def _wanted(self, take: Callable[[int], bool]) -> Iterator[Window]:
        for window in self._windows:
            self._passed += 1
            if take(window.index):
                yield window

    def _decode_window(self, window: Window) -> RecognitionWindow:
        segments: list[Segment] = []
        earliest = window.start
        for part in self._decoder.decode(window.read(self._audio)):
            words = []
            for word in part.words:
                start, end = window.place(word.start, word.end)
                words.append(TimedWord(max(start, earliest), end, word.text, word.probability))
            segments.extend(split_into_segments(words, part.flags))
            earliest = segments[-1].end
        return RecognitionWindow(
            index=window.index,
            count=len(self._windows),
            start=window.start,
            end=window.end,
            segments=tuple(segments),
        )


def _choose_language(
    model: WhisperModel,
    audio: Pcm,
    windows: Sequence[Window],
    options: RecognitionOptions,
    progress: Progress,
) -> tuple[str, float]:
    if options.language:
        return options.language, 1.0
    if not model.model.is_multilingual:
        return "en", 1.0
    return detect_language(model, audio, windows, progress)


def _require_ability(model: WhisperModel, options: RecognitionOptions) -> None:
    known = model.supported_languages
    if options.language and options.language not in known:
        if known == ["en"]:
            raise UnknownLanguageError(
                f"The model “{options.model}” understands English only. Choose a multilingual "
                "model such as “base”, or set the language to English.",
                language=options.language,
            )
        raise UnknownLanguageError(
            f"No language has the code “{options.language}”. Use a two-letter code such as "
            "“en” or “de”, or leave it out to have the language detected.",
            language=options.language,
        )
    entry = BY_NAME.get(options.model)
    multilingual_without_translation = (
        entry is not None and entry.languages == "all" and not entry.translates
    )
    if options.task == "translate" and multilingual_without_translation:
        raise TranslationUnsupportedError(
            f"The model “{options.model}” was not taught to translate. Choose “base”, “small”, "
            "“medium” or “large-v3” to translate into English."
        )


def _unloadable(name: str, folder: Path) -> ModelMissingError:
    return ModelMissingError(
        f"The model “{name}” in {folder} cannot be loaded, although its files are complete. "
        "Nothing was lost. Remove that folder to have the model fetched again, or choose "
        "another model.",
        model=name,
        folder=str(folder),
    )
