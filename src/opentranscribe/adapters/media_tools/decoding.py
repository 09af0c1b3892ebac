"""From any sound track to 16 kHz mono PCM and waveform peaks in one pass and constant memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from numpy.typing import NDArray

from opentranscribe.adapters.media_tools.source import Unusable, audio_stream, stated_seconds

#: A hole in the sound longer than this is filled with silence, so that times match the picture.
SMALLEST_GAP_SECONDS = 0.1
LARGEST_GAP_SECONDS = 3600.0
SILENT_PEAK = 0.001
REPORT_SECONDS = 0.25
WRITE_SAMPLES = 1 << 17

Report = Callable[[float, float], None]


@dataclass
class Totals:
    sample_count: int = 0
    peak: int = 0
    bad_packets: int = 0


class PcmWriter:
    """Writes samples and, from the same samples, (minimum, maximum) pairs, a few seconds at once."""

    def __init__(self, pcm: BinaryIO, peaks: BinaryIO, samples_per_pair: int) -> None:
        self._pcm = pcm
        self._peaks = peaks
        self._per_pair = samples_per_pair
        self._pending: list[NDArray[np.int16]] = []
        self._pending_count = 0
        self.totals = Totals()

    def write(self, samples: NDArray[np.int16]) -> None:
        self._pending.append(samples)
        self._pending_count += samples.size
        if self._pending_count >= WRITE_SAMPLES:
            self._write_out()

    def write_silence(self, sample_count: int) -> None:
        while sample_count > 0:
            block = min(sample_count, WRITE_SAMPLES)
            self.write(np.zeros(block, dtype=np.int16))
            sample_count -= block

    def finish(self) -> None:
        self._write_out()
        if self._pending_count:
            rest = self._pending[0]
            self._pcm.write(rest.astype("<i2", copy=False).tobytes())
            self._count(rest)
            self._write_pairs(rest.reshape(1, -1))

    def _write_out(self) -> None:
        """All whole pairs; the rest waits for the samples that complete it."""
        joined = np.concatenate(self._pending) if self._pending else np.zeros(0, dtype=np.int16)
        whole = joined.size - joined.size % self._per_pair
        self._pending, self._pending_count = [joined[whole:]], joined.size - whole
        if whole:
            self._pcm.write(joined[:whole].astype("<i2", copy=False).tobytes())
            self._count(joined[:whole])
            self._write_pairs(joined[:whole].reshape(-1, self._per_pair))

    def _count(self, samples: NDArray[np.int16]) -> None:
        self.totals.sample_count += samples.size
        self.totals.peak = max(self.totals.peak, int(samples.max()), -int(samples.min()))

    def _write_pairs(self, blocks: NDArray[np.int16]) -> None:
        pairs = np.stack((blocks.min(axis=1), blocks.max(axis=1)), axis=1)
        self._peaks.write(pairs.astype("<i2", copy=False).tobytes())


class Decoder:
    """Keeps the clock of the container: later sound stays where the picture has it."""

    def __init__(
        self,
        container: InputContainer,
        writer: PcmWriter,
        rate_hz: int,
        longest_seconds: float,
    ) -> None:
        self._container = container
        self._stream = audio_stream(container)
        self._stream.codec_context.thread_count = 1
        self._writer = writer
        self._rate_hz = rate_hz
        self._longest_seconds = longest_seconds
        self._stated = stated_seconds(container, self._stream)
        self._origin: float | None = _start_seconds(container)
        self._input_seconds = 0.0
        self._tick = float(self._stream.time_base or 0)
        self._resampler: AudioResampler | None = None

    def run(self, report: Report) -> tuple[str, ...]:
        """Decode everything; the sentences a reader should know. Raises Unusable."""
        last = time.monotonic()
        for frame in self._frames():
            self._take(frame)
            if time.monotonic() - last > REPORT_SECONDS:
                last = time.monotonic()
                report(self._input_seconds, self._stated or 0.0)
            if self._input_seconds > self._longest_seconds:
                raise Unusable(
                    "media_too_long",
                    f"This recording is longer than {self._longest_seconds / 3600:g} hours. Split "
                    "it and upload the parts.",
                )
        self._flush()
        self._writer.finish()
        return self._judge()

    def _frames(self) -> Iterator[AudioFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError):
                self._writer.totals.bad_packets += 1
                return
            try:
                yield from self._stream.codec_context.decode(packet)
            except (av.error.FFmpegError, ValueError):
                self._writer.totals.bad_packets += 1

    def _take(self, frame: AudioFrame) -> None:
        if frame.sample_rate <= 0 or frame.samples <= 0:
            return
        self._fill_gap(frame)
        self._input_seconds += frame.samples / frame.sample_rate
        frame.pts = None
        self._resample(frame)

    def _resample(self, frame: AudioFrame) -> None:
        if self._resampler is None:
            self._resampler = AudioResampler(format="s16", layout="mono", rate=self._rate_hz)
        try:
            ready = self._resampler.resample(frame)
        except ValueError:  # another rate or layout from here on
            self._flush()
            self._resampler = AudioResampler(format="s16", layout="mono", rate=self._rate_hz)
            ready = self._resampler.resample(frame)
        self._put(ready)

    def _fill_gap(self, frame: AudioFrame) -> None:
        """Silence for a hole; a jump that no hole explains moves the origin instead."""
        if frame.pts is None:
            return
        at = frame.pts * self._tick
        if self._origin is None:
            self._origin = at
        gap = at - self._origin - self._input_seconds
        if abs(gap) <= SMALLEST_GAP_SECONDS:
            return
        end = self._input_seconds + gap
        plausible = self._stated is not None and end <= self._stated + 1.0
        if 0 < gap <= LARGEST_GAP_SECONDS and plausible:
            self._flush()
            self._writer.write_silence(round(gap * self._rate_hz))
            self._input_seconds += gap
        else:
            self._origin = at - self._input_seconds

    def _flush(self) -> None:
        if self._resampler is not None:
            self._put(self._resampler.resample(None))
        self._resampler = None

    def _put(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            self._writer.write(frame.to_ndarray().reshape(-1).astype(np.int16, copy=False))

    def _judge(self) -> tuple[str, ...]:
        totals = self._writer.totals
        if totals.sample_count == 0:
            if totals.bad_packets:
                raise Unusable(
                    "media_damaged",
                    "No sound could be decoded: the file is damaged. Try the original.",
                )
            raise Unusable(
                "media_empty",
                "The recording is 0 seconds long: it has a header but no sound. Check the "
                "original and upload it again.",
            )
        decoded = totals.sample_count / self._rate_hz
        return tuple(_warnings(decoded, self._stated, totals))


def _start_seconds(container: InputContainer) -> float | None:
    start = container.start_time
    return None if start is None else start / av.time_base


def _warnings(decoded: float, stated: float | None, totals: Totals) -> Iterator[str]:
    if stated is not None and decoded < stated - max(1.0, 0.02 * stated):
        yield (
            f"The recording ends after {_clock(decoded)}, although the file says it is "
            f"{_clock(stated)} long. It may have been cut off; what is there was used."
        )
    elif totals.bad_packets and (stated is None or decoded < stated - SMALLEST_GAP_SECONDS):
        yield "Parts of the file are damaged and were left out; the rest was used."
    if totals.peak / 32768 < SILENT_PEAK:
        yield "The recording is silent from beginning to end. Check the microphone or the track."


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
