"""One window of speech in, timed words out: Whisper's decoding with the guard's second looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens, merge_punctuations
from numpy.typing import NDArray

from opentranscribe.adapters.asr.guard import Attempt, Doubt, find_doubts
from opentranscribe.adapters.asr.segments import TimedWord

_FRAME_SECONDS = 0.01
_WINDOW_FRAMES = 3000
_TIMESTAMP_FRAMES = 2
_PREPEND = "\"'“¿([{-"
_APPEND = "\"'.。,，!！?？:：”)]}、"
_SENTENCE_MARKS = ".。!！?？"
#: Temperatures of the second looks; greedy alone is repeated with a beam and without hotwords.
_SECOND_LOOKS = (0.0, 0.2, 0.4, 0.6)
#: Less sound than this is not worth a pass of the encoder.
_SHORTEST_FRAMES = 10
_LONGEST_WORD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class DecodingChoices:
    language: str
    task: str
    beam_size: int
    hotwords: str | None


@dataclass(frozen=True, slots=True)
class DecodedWords:
    """Times in seconds from the start of the sound that was decoded."""

    words: tuple[TimedWord, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Pass:
    """One generation over one encoder output."""

    tokens: list[int]
    text: str
    log_probability: float
    no_speech: float
    doubts: tuple[Doubt, ...]

    @property
    def badness(self) -> tuple[bool, bool, float]:
        """Loops are worse than anything; then doubt; then what the model itself thinks."""
        looping = "loop" in self.doubts or "compression" in self.doubts
        return looping, bool(self.doubts), -self.log_probability


class WindowDecoder:
    """Decodes windows with one loaded model; safe to call from several threads."""

    def __init__(
        self, model: WhisperModel, choices: DecodingChoices, is_wanted: Callable[[], bool]
    ) -> None:
        self._model = model
        self._choices = choices
        self._is_wanted = is_wanted
        self._tokenizer = Tokenizer(
            model.hf_tokenizer,
            model.model.is_multilingual,
            task=choices.task,
            language=choices.language,
        )
        self._suppressed = get_suppressed_tokens(self._tokenizer, [-1])

    def decode(self, samples: NDArray[np.float32]) -> DecodedWords:
        """Samples at 16 kHz, shape (n,). When a pass stops early, the rest is decoded again."""
        content = len(samples) // 160
        features = self._model.feature_extractor(samples)
        words: list[TimedWord] = []
        flags: set[str] = set()
        seek = 0
        while content - seek >= _SHORTEST_FRAMES and self._is_wanted():
            size = min(_WINDOW_FRAMES, content - seek)
            encoded = self._model.encode(pad_or_trim(features[:, seek : seek + size]))
            best, looked_again = self._generate(encoded, size)
            if "silence" in best.doubts:
                seek += size
                continue
            if best.doubts:
                flags.add("uncertain")
            elif looked_again:
                flags.add("repaired")
            found, consumed = self._time_words(best.tokens, encoded, seek, size)
            words.extend(found)
            seek += max(consumed, _SHORTEST_FRAMES)
        return DecodedWords(tuple(words), tuple(sorted(flags)))

    def _generate(self, encoded: Any, frames: int) -> tuple[_Pass, bool]:
        """The first pass if it looks right, else the best of several others."""
        first = self._run_pass(encoded, frames, temperature=0.0, second=False)
        if not first.doubts or "silence" in first.doubts:
            return first, False
        passes = [first]
        for temperature in _SECOND_LOOKS:
            if not self._is_wanted():
                break
            again = self._run_pass(encoded, frames, temperature=temperature, second=True)
            passes.append(again)
            if not again.doubts:
                break
        best = min(passes, key=lambda item: item.badness)
        return best, best is not first and first.doubts != ("improbable",)

    def _run_pass(self, encoded: Any, frames: int, *, temperature: float, second: bool) -> _Pass:
        hotwords = None if second else self._choices.hotwords
        prompt = self._model.get_prompt(self._tokenizer, [], hotwords=hotwords)
        beam = max(self._choices.beam_size, 5) if second else self._choices.beam_size
        sampling: dict[str, Any] = {"beam_size": beam}
        if temperature > 0:
            sampling = {
                "beam_size": 1,
                "num_hypotheses": 3,
                "sampling_topk": 0,
                "sampling_temperature": temperature,
            }
        result = self._model.model.generate(
            encoded,
            [prompt],
            max_length=self._model.max_length,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=self._suppressed,
            max_initial_timestamp_index=50,
            no_repeat_ngram_size=10 if second else 0,
            **sampling,
        )[0]
        tokens = list(result.sequences_ids[0])
        text = self._tokenizer.decode(tokens).strip()
        log_probability = result.scores[0] * len(tokens) / (len(tokens) + 1)
        attempt = Attempt(text, frames * _FRAME_SECONDS, log_probability, result.no_speech_prob)
        return _Pass(tokens, text, log_probability, result.no_speech_prob, find_doubts(attempt))

    def _time_words(
        self, tokens: list[int], encoded: Any, seek: int, size: int
    ) -> tuple[list[TimedWord], int]:
        """Words with times, and how many frames the text accounts for."""
        kept, consumed = self._consume(tokens, size)
        spoken = [token for token in kept if token < self._tokenizer.eot]
        if not spoken:
            return [], consumed
        alignment = self._model.find_alignment(self._tokenizer, [spoken], encoded, size)[0]
        _shorten_long_words(alignment)
        merge_punctuations(alignment, _PREPEND, _APPEND)
        offset = seek * _FRAME_SECONDS
        words = [
            TimedWord(
                offset + float(item["start"]),
                offset + float(item["end"]),
                str(item["word"]),
                float(item["probability"]),
            )
            for item in alignment
            if item["word"].strip()
        ]
        return words, consumed

    def _consume(self, tokens: list[int], size: int) -> tuple[list[int], int]:
        """Whisper closes a finished segment with two time marks. What follows the last pair is
        unfinished and is left for the next pass, unless a single mark says that nothing follows.
        """
        begin = self._tokenizer.timestamp_begin
        pairs = [
            at for at in range(1, len(tokens)) if tokens[at] >= begin and tokens[at - 1] >= begin
        ]
        ends_with_one = len(tokens) >= 2 and tokens[-2] < begin <= tokens[-1]
        if not pairs or ends_with_one:
            return tokens, size
        last = pairs[-1]
        frames = (tokens[last - 1] - begin) * _TIMESTAMP_FRAMES
        if frames <= 0:
            return tokens, size
        return tokens[:last], min(frames, size)


def _shorten_long_words(alignment: list[dict[str, Any]]) -> None:
    """Attention smears a word over the pause beside it; nobody speaks one for over a second."""
    lengths = [item["end"] - item["start"] for item in alignment if item["end"] > item["start"]]
    if not lengths:
        return
    longest = max(_LONGEST_WORD_SECONDS / 2, min(2 * float(np.median(lengths)), 1.4))
    for index, item in enumerate(alignment):
        if item["end"] - item["start"] <= longest:
            continue
        after_pause = index == 0 or alignment[index - 1]["word"].strip() in _SENTENCE_MARKS
        if after_pause:
            item["start"] = item["end"] - longest
        else:
            item["end"] = item["start"] + longest
