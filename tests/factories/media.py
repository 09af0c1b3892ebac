"""Sound and video, made for one test each."""

from __future__ import annotations

import struct
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np


def tone(seconds: float, rate_hz: int, channels: int = 1, pitch_hz: float = 440.0) -> Any:
    """Float32 in [-0.5, 0.5], shape (channels, samples)."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.tile(0.5 * np.sin(2 * np.pi * pitch_hz * times).astype(np.float32), (channels, 1))


def encode_sound(
    path: Path, samples: Any, rate_hz: int, codec: str, layout: str, sample_format: str
) -> Path:
    """``samples`` as float32 planes, shape (channels, samples)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        stream.bit_rate = 128_000
        stream.format = sample_format
        resampler = av.AudioResampler(format=sample_format, layout=layout, rate=rate_hz)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples), format="fltp", layout=layout
        )
        frame.sample_rate = rate_hz
        for ready in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return path


def encode_video(
    path: Path,
    seconds: float,
    *,
    sound: bool = True,
    sound_at: float = 0.0,
    codec: str = "libx264",
) -> Path:
    """Half red, half blue, 160 × 90, 10 frames a second; a tone that may begin later."""
    picture = np.zeros((90, 160, 3), dtype=np.uint8)
    picture[:, :80] = (255, 0, 0)
    picture[:, 80:] = (0, 0, 255)
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=10)
        video.width, video.height, video.pix_fmt = 160, 90, "yuv420p"
        audio = container.add_stream("aac", rate=16000, layout="mono") if sound else None
        for number in range(round(seconds * 10)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            samples = tone(seconds - sound_at, 16000)
            for at in range(0, samples.shape[1], 1024):
                block = np.ascontiguousarray(samples[:, at : at + 1024])
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
                frame.sample_rate, frame.time_base = 16000, Fraction(1, 16000)
                frame.pts = at + round(sound_at * 16000)
                container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


def write_wav(path: Path, samples: Any, rate_hz: int = 16000) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, rate_hz, 0, "NONE", ""))
        sound.writeframes((np.asarray(samples).reshape(-1) * 32767).astype("<i2").tobytes())
    return path


def sparse_wav(path: Path, hours: float, rate_hz: int = 8000) -> Path:
    """Silence without disk blocks, with a tick in the last second."""
    length = round(hours * 3600 * rate_hz) * 2
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", length + 36, b"WAVE", b"fmt ", 16, 1, 1),
        *(rate_hz, rate_hz * 2, 2, 16, b"data", length),
    )
    with path.open("wb") as handle:
        handle.write(header)
        handle.truncate(44 + length)
        handle.seek(44 + length - 1000)
        handle.write(struct.pack("<h", 20000) * 500)
    return path


def children_of(pid: int) -> list[int]:
    """Linux only."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(one) for task in tasks for one in (task / "children").read_text().split()]


def peak_bytes(pid: int) -> int:
    """The most memory a process has held since it was started; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0
