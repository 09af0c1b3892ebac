"""One window of speech in, timed words out: Whisper's decoding with the guard's second looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens, merge_punctuations
from numpy.typing import NDArray

from opentranscribe.adapters.asr.coverage import find_unheard
from opentranscribe.adapters.asr.guard import (
    Attempt,
    Doubt,
    compression_ratio,
    find_doubts,
    find_loop,
    plain_words,
)
from opentranscribe.adapters.asr.segments import TimedWord, in_order
from opentranscribe.ports.audio import SAMPLE_RATE_HZ

_FRAME_SECONDS = 0.01
_WINDOW_FRAMES = 3000
_PREPEND = "\"'“¿([{-"
_APPEND = "\"'.。,，!！?？:：”)]}、"
_SENTENCE_MARKS = ".。!！?？"
#: Second looks: without hotwords, with ever less patience for repetition, at last by sampling.
_SECOND_LOOKS: tuple[dict[str, Any], ...] = (
    {"beam_size": 5, "repetition_penalty": 1.1, "no_repeat_ngram_size": 5},
    {"beam_size": 5, "repetition_penalty": 1.3, "no_repeat_ngram_size": 3},
    {
        "beam_size": 1,
        "num_hypotheses": 3,
        "sampling_topk": 0,
        "sampling_temperature": 0.4,
        "no_repeat_ngram_size": 3,
    },
)
#: Less sound than this is not worth a pass of the encoder.
_SHORTEST_FRAMES = 10
_TIMESTAMP_FRAMES = 2
#: What the encoder is given for short sound, and the least silence after it.
_SHORT_CONTEXT = 1500
_PADDING_FRAMES = 300
#: Below this a quick look is not trusted.
_SURE_LOG_PROBABILITY = -0.5
#: Mean probability from which words found in a gap are believed.
_BELIEVABLE = 0.7
_EDGES = " .,;:!?\"'…"
_LONGEST_WORD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class DecodingChoices:
    language: str
    task: str
    beam_size: int
    hotwords: str | None


@dataclass(frozen=True, slots=True)
class DecodedPart:
    """What one pass heard; times in seconds from the start of the sound that was decoded."""

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
    def badness(self) -> tuple[float, bool, float]:
        """A loop is worse than anything, the longer the worse: a model is sure of its loops.

        After that come doubts, then what the model itself thinks.
        """
        looping = "loop" in self.doubts or "compression" in self.doubts
        repetition = compression_ratio(self.text) if looping else 0.0
        return repetition, bool(self.doubts), -self.log_probability


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

    def decode(self, samples: NDArray[np.float32]) -> list[DecodedPart]:
        """Samples at 16 kHz, shape (n,), beginning and ending in a pause.

        Speech that got no words is decoded again on its own, and believed only when it looks right.
        """
        parts = self._decode_through(samples)
        words = [word for part in parts for word in part.words]
        for start, end in find_unheard(samples, words):
            stretch = samples[round(start * SAMPLE_RATE_HZ) : round(end * SAMPLE_RATE_HZ)]
            found = [
                _moved(word, start, end)
                for part in self._decode_through(stretch, thorough=False)
                if "uncertain" not in part.flags
                for word in part.words
            ]
            parts = insert_found(parts, found)
        return parts

    def _decode_through(
        self, samples: NDArray[np.float32], *, thorough: bool = True
    ) -> list[DecodedPart]:
        """Thirty seconds at a time; each pass begins where the one before stopped being sure.

        What is not believed at first sight gets second looks only if ``thorough``.
        """
        content = len(samples) // 160
        features = self._model.feature_extractor(samples)
        parts: list[DecodedPart] = []
        seek = 0
        while content - seek >= _SHORTEST_FRAMES and self._is_wanted():
            size = min(_WINDOW_FRAMES, content - seek)
            encoded, best, looked_again = self._look(
                features[:, seek : seek + size], thorough=thorough
            )
            if "silence" in best.doubts:
                seek += size
                continue
            words, consumed = self._time_words(best.tokens, encoded, seek, size)
            if words:
                parts.append(DecodedPart(tuple(words), _flags(best, looked_again)))
            seek += max(consumed, _SHORTEST_FRAMES)
        return parts

    def _look(self, features: NDArray[np.float32], *, thorough: bool) -> tuple[Any, _Pass, bool]:
        """Short sound is first looked at without all of its padding, which is much quicker.

        Whisper learnt on thirty seconds and may lose itself on less, so that the least doubt leads
        to a look at the full length.
        """
        frames = features.shape[-1]
        if frames + _PADDING_FRAMES <= _SHORT_CONTEXT:
            encoded = self._model.encode(pad_or_trim(features, _SHORT_CONTEXT))
            look = {"beam_size": self._choices.beam_size}
            quick = self._run_pass(encoded, frames, look, self._choices.hotwords)
            sure = not quick.doubts and quick.log_probability > _SURE_LOG_PROBABILITY
            if sure or not thorough:
                return encoded, quick, False
        encoded = self._model.encode(pad_or_trim(features))
        best, looked_again = self._generate(encoded, frames, _SECOND_LOOKS if thorough else ())
        return encoded, best, looked_again

    def _generate(
        self, encoded: Any, frames: int, second_looks: Sequence[dict[str, Any]]
    ) -> tuple[_Pass, bool]:
        """The first pass if it looks right, else the best of several others."""
        first_look = {"beam_size": self._choices.beam_size}
        first = self._run_pass(encoded, frames, first_look, self._choices.hotwords)
        if not first.doubts or "silence" in first.doubts:
            return first, False
        passes = [first]
        for look in second_looks:
            if not self._is_wanted():
                break
            again = self._run_pass(encoded, frames, look, None)
            passes.append(again)
            if not again.doubts:
                break
        best = min(passes, key=lambda item: item.badness)
        return best, best is not first and first.doubts != ("improbable",)

    def _run_pass(
        self, encoded: Any, frames: int, look: dict[str, Any], hotwords: str | None
    ) -> _Pass:
        prompt = self._model.get_prompt(self._tokenizer, [], hotwords=hotwords)
        result = self._model.model.generate(
            encoded,
            [prompt],
            max_length=self._model.max_length,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=self._suppressed,
            max_initial_timestamp_index=50,
            **look,
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
        ]
        return _without_loop(in_order(words)), consumed

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


def _without_loop(words: list[TimedWord]) -> list[TimedWord]:
    """What no second look could mend is said once instead of many times."""
    plain = ["".join(plain_words(word.text)) for word in words]
    loop = find_loop(plain)
    return words if loop is None else words[: loop[0]] + words[loop[1] :]


def _flags(best: _Pass, looked_again: bool) -> tuple[str, ...]:
    if best.doubts:
        return ("uncertain",)
    return ("repaired",) if looked_again else ()


def _moved(word: TimedWord, earliest: float, latest: float) -> TimedWord:
    start = min(word.start + earliest, latest)
    return TimedWord(start, min(word.end + earliest, latest), word.text, word.probability)


def insert_found(parts: Sequence[DecodedPart], found: Sequence[TimedWord]) -> list[DecodedPart]:
    """Put words found in a gap between those around it, dividing the part that surrounds them.

    The sound around a gap is decoded with it, so a word of its edge may have been heard already.
    """
    said = [word for part in parts for word in part.words]
    kept = list(found)
    while kept and _repeats(kept[0], said):
        kept.pop(0)
    while kept and _repeats(kept[-1], said):
        kept.pop()
    if not kept or sum(word.probability for word in kept) / len(kept) < _BELIEVABLE:
        return list(parts)
    before: list[DecodedPart] = []
    after: list[DecodedPart] = []
    for part in parts:
        split = sum(1 for word in part.words if word.start <= kept[0].start)
        before.append(DecodedPart(part.words[:split], part.flags))
        after.append(DecodedPart(part.words[split:], part.flags))
    middle = DecodedPart(tuple(kept), ("repaired",))
    return [part for part in (*before, middle, *after) if part.words]


def _repeats(word: TimedWord, said: Sequence[TimedWord]) -> bool:
    plain = word.text.strip(_EDGES).lower()
    return any(
        other.text.strip(_EDGES).lower() == plain and abs(other.start - word.start) < 1.5
        for other in said
    )


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
