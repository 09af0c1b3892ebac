"""What each local speaker of a window sounds like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opentranscribe.adapters.diarization.features import FRAMES_PER_SECOND, compute_mel_energies
from opentranscribe.adapters.diarization.segmentation import (
    FIRST_CENTRE_SECONDS,
    FRAME_SECONDS,
    LOCAL_SPEAKERS,
    Window,
)
from opentranscribe.adapters.diarization.sessions import Networks

#: Below this, what the network returns says more about the words than about the voice.
SHORTEST_SECONDS = 0.4
_MEL_CENTRE_SECONDS = 0.0125


def embed_window(
    networks: Networks, window: Window
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Embeddings (3, 192) of length one and the seconds of speech (3,) each was made from.

    Uses only frames in which the speaker talks alone. Too little of that: zero vector, 0 seconds.
    """
    vectors = np.zeros((LOCAL_SPEAKERS, 192), dtype=np.float32)
    seconds = np.zeros(LOCAL_SPEAKERS, dtype=np.float32)
    alone = window.active & (window.active.sum(axis=1, keepdims=True) == 1)
    wanted = alone.sum(axis=0) * FRAME_SECONDS >= SHORTEST_SECONDS
    if not wanted.any():
        return vectors, seconds
    energies = compute_mel_energies(window.samples)
    times = np.arange(energies.shape[0]) / FRAMES_PER_SECOND + _MEL_CENTRE_SECONDS
    nearest = np.rint((times - FIRST_CENTRE_SECONDS) / FRAME_SECONDS).astype(int)
    nearest = np.clip(nearest, 0, alone.shape[0] - 1)
    for speaker in np.flatnonzero(wanted):
        features = energies[alone[nearest, speaker]]
        features = features - features.mean(axis=0)
        vector = networks.embed(features[None])[0]
        vectors[speaker] = vector / np.linalg.norm(vector)
        seconds[speaker] = features.shape[0] / FRAMES_PER_SECOND
    return vectors, seconds
