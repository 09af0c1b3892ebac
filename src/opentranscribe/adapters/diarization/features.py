"""Log mel filter-bank energies as Kaldi computes them, which the embedding network was trained on."""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from opentranscribe.ports.audio import SAMPLE_RATE_HZ

FRAME_SAMPLES = 400
STEP_SAMPLES = 160
FRAMES_PER_SECOND = SAMPLE_RATE_HZ / STEP_SAMPLES
MEL_BANDS = 80

_FFT_SIZE = 512
_LOWEST_HZ = 20.0
_PREEMPHASIS = np.float32(0.97)
_FLOOR = np.finfo(np.float32).eps


def compute_mel_energies(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shape (frames, 80), frame i covering samples [160 i, 160 i + 400) at 16 kHz.

    Kaldi's compute-fbank-feats with a Povey window, no dither, only whole frames. Follows the
    ``fbank`` of Kaldi (src/feat/feature-fbank.cc); samples are in [-1, 1].
    """
    if samples.shape[0] < FRAME_SAMPLES:
        return np.zeros((0, MEL_BANDS), dtype=np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME_SAMPLES)[::STEP_SAMPLES]
    frames = frames - frames.mean(axis=1, keepdims=True)
    previous = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames = (frames - _PREEMPHASIS * previous) * _povey_window()
    spectrum = scipy.fft.rfft(frames, n=_FFT_SIZE, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    energies = np.log(np.maximum(power @ _mel_filters(), _FLOOR))
    return np.asarray(energies, dtype=np.float32)


@cache
def _povey_window() -> NDArray[np.float32]:
    phase = 2 * np.pi * np.arange(FRAME_SAMPLES) / (FRAME_SAMPLES - 1)
    return np.asarray((0.5 - 0.5 * np.cos(phase)) ** 0.85, dtype=np.float32)


@cache
def _mel_filters() -> NDArray[np.float32]:
    """Triangles evenly spaced on the mel scale from 20 Hz to 8 kHz, shape (257, 80)."""
    low, high = _to_mel(np.array([_LOWEST_HZ, SAMPLE_RATE_HZ / 2]))
    edges = np.linspace(low, high, MEL_BANDS + 2)
    bins = _to_mel(np.arange(_FFT_SIZE // 2 + 1) * SAMPLE_RATE_HZ / _FFT_SIZE)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling))
    filters[-1] = 0.0  # Kaldi leaves the Nyquist bin out
    return np.asarray(filters, dtype=np.float32)


def _to_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1127.0 * np.log(1.0 + hertz / 700.0)
