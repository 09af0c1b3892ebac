"""Who of at most three local speakers talks when, in overlapping windows of ten seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opentranscribe.adapters.diarization.sessions import Networks
from opentranscribe.ports.audio import SAMPLE_RATE_HZ, Pcm

#: One output frame of the network stands for 270 samples; the first is centred on sample 495.
FRAME_SAMPLES = 270
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE_HZ
FIRST_CENTRE_SECONDS = 495 / SAMPLE_RATE_HZ
WINDOW_SAMPLES = 10 * SAMPLE_RATE_HZ
WINDOW_FRAMES = 589
LOCAL_SPEAKERS = 3

#: Windows begin on whole frames, so that frames of different windows fall together.
STEP_FRAMES = 148
BATCH_WINDOWS = 4

#: Class i of the network means that the speakers in row i talk.
POWERSET = np.array(
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], dtype=bool
)


@dataclass(frozen=True, slots=True)
class Window:
    """``active`` is (589, 3): who talks in the frames from ``first_frame`` on."""

    first_frame: int
    active: NDArray[np.bool_]


def count_frames(sample_count: int) -> int:
    """How many frames a recording has on the common grid."""
    return max(1, -(-sample_count // FRAME_SAMPLES))


def plan_windows(sample_count: int) -> list[int]:
    """First frames of the windows: evenly spaced, and a last one that reaches the end."""
    last = max(0, -(-(sample_count - WINDOW_SAMPLES) // FRAME_SAMPLES))
    return [*range(0, last, STEP_FRAMES), last]


def iter_windows(
    networks: Networks, audio: Pcm, after_batch: Callable[[], None]
) -> Iterator[Window]:
    """Windows in order; only one batch of sound is held at a time."""
    starts = plan_windows(audio.sample_count)
    for begin in range(0, len(starts), BATCH_WINDOWS):
        batch = starts[begin : begin + BATCH_WINDOWS]
        classes = networks.segment(np.stack([_read(audio, first) for first in batch]))
        after_batch()
        for first, found in zip(batch, classes.argmax(axis=2), strict=True):
            yield Window(first, POWERSET[found])


def _read(audio: Pcm, first_frame: int) -> NDArray[np.float32]:
    """Ten seconds from a frame on, with silence after the end of the recording."""
    start = first_frame * FRAME_SECONDS
    found = audio.window(start, start + WINDOW_SAMPLES / SAMPLE_RATE_HZ)
    return np.pad(found, (0, WINDOW_SAMPLES - found.shape[0]))
