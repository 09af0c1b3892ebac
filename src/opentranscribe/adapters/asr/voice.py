"""Where somebody speaks: Silero VAD over the recording in blocks, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import numpy as np
from faster_whisper.vad import get_vad_model
from numpy.typing import NDArray

from opentranscribe.ports.asr import RecognitionOptions, SpeechSpan
from opentranscribe.ports.audio import SAMPLE_RATE_HZ, Pcm
from opentranscribe.ports.progress import Progress

FRAME_SAMPLES = 512
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE_HZ
_CONTEXT_SAMPLES = 64
#: Blocks are looked at side by side; each starts a little earlier to warm the network's memory.
_BLOCK_FRAMES = 1024
_WARM_UP_FRAMES = 64
#: A span is cut at an inner pause so that windows can be filled well.
_PIECE_SECONDS = (4.0, 12.0)
_PAUSE_MARGIN_SECONDS = 0.1

Probabilities = NDArray[np.float32]


def measure_speech(audio: Pcm, progress: Progress, threads: int = 2) -> Probabilities:
    """Probability of speech per frame of 32 ms, shape (frames,).

    The blocks are the same whatever ``threads`` is, and so is the result.
    """
    frames = -(-audio.sample_count // FRAME_SAMPLES)
    result = np.zeros(frames, dtype=np.float32)
    starts = range(0, frames, _BLOCK_FRAMES)
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        pending: dict[Future[Probabilities], int] = {}
        try:
            for number, first in enumerate(starts):
                pending[pool.submit(_measure_block, audio, first, frames)] = first
                if len(pending) > threads:
                    _collect(pending, result)
                progress(number / len(starts))
            while pending:
                _collect(pending, result)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    progress(1.0)
    return result


def _collect(pending: dict[Future[Probabilities], int], result: Probabilities) -> None:
    done, _ = wait(pending, return_when=FIRST_COMPLETED)
    for future in done:
        first = pending.pop(future)
        block = future.result()
        result[first : first + len(block)] = block


def _measure_block(audio: Pcm, first: int, frames: int) -> Probabilities:
    begin = max(0, first - _WARM_UP_FRAMES)
    end = min(frames, first + _BLOCK_FRAMES)
    samples = audio.window(begin * FRAME_SECONDS, end * FRAME_SECONDS)
    return measure_samples(samples)[first - begin : end - begin]


def measure_samples(samples: NDArray[np.float32]) -> Probabilities:
    """Probability of speech per frame of 32 ms of ``samples`` at 16 kHz, shape (n,)."""
    count = -(-len(samples) // FRAME_SAMPLES)
    rows = np.pad(samples, (0, count * FRAME_SAMPLES - len(samples))).reshape(-1, FRAME_SAMPLES)
    context = np.zeros((count, _CONTEXT_SAMPLES), dtype=np.float32)
    context[1:] = rows[:-1, -_CONTEXT_SAMPLES:]
    state = np.zeros((1, 1, 128), dtype=np.float32)
    output, _, _ = get_vad_model().session.run(
        None, {"input": np.concatenate([context, rows], axis=1), "h": state, "c": state}
    )
    return np.asarray(output, dtype=np.float32).reshape(-1)


def find_spans(
    probabilities: Probabilities, options: RecognitionOptions, duration_seconds: float
) -> list[SpeechSpan]:
    """Spans with hysteresis as Silero's own code does it, padded, long ones cut at pauses."""
    pad = options.vad_speech_pad_ms / 1000
    runs = [
        run
        for run in _runs(probabilities, options)
        if (run[1] - run[0]) * FRAME_SECONDS * 1000 >= options.vad_min_speech_ms
    ]
    spans: list[SpeechSpan] = []
    for number, (first, last) in enumerate(runs):
        start, end = first * FRAME_SECONDS - pad, last * FRAME_SECONDS + pad
        if number > 0:
            start = max(start, (runs[number - 1][1] + first) / 2 * FRAME_SECONDS)
        if number + 1 < len(runs):
            end = min(end, (last + runs[number + 1][0]) / 2 * FRAME_SECONDS)
        whole = SpeechSpan(max(0.0, start), min(duration_seconds, end))
        spans.extend(_cut(whole, probabilities, _negative(options)))
    return spans


def _negative(options: RecognitionOptions) -> float:
    return max(options.vad_threshold - 0.15, 0.01)


def _runs(probabilities: Probabilities, options: RecognitionOptions) -> Iterator[tuple[int, int]]:
    """Half-open frame ranges of speech; shorter silences than the minimum do not end one."""
    speech = np.flatnonzero(probabilities >= options.vad_threshold)
    quiet = probabilities < _negative(options)
    silence_frames = options.vad_min_silence_ms / 1000 / FRAME_SECONDS
    if len(speech) == 0:
        return
    first = last = int(speech[0])
    for frame in speech[1:].tolist():
        if frame - last > silence_frames and quiet[last + 1 : frame].any():
            yield first, _end_of_voice(quiet, last, frame)
            first = frame
        last = frame
    yield first, _end_of_voice(quiet, last, len(probabilities))


def _end_of_voice(quiet: NDArray[np.bool_], last: int, limit: int) -> int:
    """The first quiet frame after the last loud one: the voice fades out in between."""
    after = np.flatnonzero(quiet[last + 1 : limit])
    return last + 1 + int(after[0]) if len(after) else limit


def _cut(span: SpeechSpan, probabilities: Probabilities, quiet_below: float) -> list[SpeechSpan]:
    """Cut at the longest pause between 4 and 12 s ahead, again and again.

    The pause shows as a gap between the pieces, so that others can tell a long one from a short.
    """
    shortest, longest = _PIECE_SECONDS
    pieces: list[SpeechSpan] = []
    start = span.start
    while span.end - start > longest:
        low = int((start + shortest) / FRAME_SECONDS)
        high = int((start + longest) / FRAME_SECONDS)
        first, last = _longest_pause(probabilities[low:high], quiet_below)
        end, next_start = (low + first) * FRAME_SECONDS, (low + last) * FRAME_SECONDS
        margin = min(_PAUSE_MARGIN_SECONDS, (next_start - end) / 2)
        pieces.append(SpeechSpan(start, end + margin))
        start = next_start - margin
    pieces.append(SpeechSpan(start, span.end))
    return pieces


def _longest_pause(probabilities: Probabilities, quiet_below: float) -> tuple[int, int]:
    """The longest run of quiet frames, or the least likely frame when there is none."""
    padded = np.concatenate([[0], (probabilities < quiet_below).astype(np.int8), [0]])
    edges = np.diff(padded)
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if len(begins) == 0:
        frame = int(np.argmin(probabilities))
        return frame, frame
    longest = int(np.argmax(ends - begins))
    return int(begins[longest]), int(ends[longest])
