"""Known answers of both networks, so that a wrongly built graph is never put to use.

The answers come from the published networks in float64. Outputs are compared and not hashed: sine,
cosine and the order of additions differ between processors in the last bits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from opentranscribe.adapters.models.weights.reader import DamagedWeightsError

#: Frames whose log-probabilities are known, and how far off the built graph may be.
SEGMENTATION_FRAMES = (5, 100, 200, 300, 400, 500)
SEGMENTATION_TOLERANCE = 5e-3
SEGMENTATION_ANSWERS = np.array(
    [
        [-7.40391, -10.31316, -0.01769, -6.91579, -6.79825, -11.34545, -4.2149],
        [-9.87646, -13.12264, -0.00374, -9.21443, -8.62908, -14.91861, -5.68472],
        [-0.47454, -10.42887, -0.97663, -7.51534, -9.44722, -13.90199, -7.42926],
        [-7.23413, -11.87444, -0.01173, -8.31106, -7.36028, -12.95739, -4.59992],
        [-9.99095, -13.44273, -0.00152, -9.82634, -9.23488, -16.03138, -6.62845],
        [-0.38823, -10.3856, -1.13715, -7.6788, -9.57728, -14.19594, -7.71318],
    ],
    dtype=np.float32,
)
#: Every eighth value of the embedding.
EMBEDDING_TOLERANCE = 1e-3
EMBEDDING_ANSWERS = np.array(
    [-1.49547, 0.07746, -0.13488, 0.24166, 0.96921, 1.34373, 0.76034, 0.68839,
     -1.1205, -0.10583, 0.64806, 0.02102, -0.3027, 0.91799, 0.6511, -0.01078,
     0.44498, -0.46135, 0.28805, 0.48883, -0.40624, -0.41076, -0.08456, -0.55132],
    dtype=np.float32,
)  # fmt: skip


def make_sound() -> NDArray[np.float32]:
    """Ten seconds of a gliding, pulsing tone with eight harmonics and two silences, 16 kHz."""
    times = np.arange(160_000) / 16_000
    wave = np.zeros(times.shape)
    for k in range(1, 9):
        glide = 110 * k * times + 3 * k * np.sin(2 * np.pi * 0.7 * times)
        wave += np.sin(2 * np.pi * glide) / k
    pulse = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * times)
    audible = np.sin(2 * np.pi * 0.2 * times) > -0.5
    return (0.1 * wave * pulse * audible).astype(np.float32)


def make_features() -> NDArray[np.float32]:
    """A smooth pattern over 250 frames and 80 bands."""
    time, band = np.meshgrid(np.arange(250), np.arange(80), indexing="ij")
    pattern = 2 * np.sin(0.13 * time + 0.37 * band) + np.sin(0.5 * band)
    pattern += np.cos(0.029 * time * (1 + band % 7))
    return np.asarray(pattern, dtype=np.float32)


def check_segmentation(path: Path) -> None:
    """Raises DamagedWeightsError when the graph at ``path`` answers wrongly."""
    answers = _run(path, make_sound()[None, None])[0][list(SEGMENTATION_FRAMES)]
    _compare(path.name, answers, SEGMENTATION_ANSWERS, SEGMENTATION_TOLERANCE)


def check_embedding(path: Path) -> None:
    """Raises DamagedWeightsError when the graph at ``path`` answers wrongly."""
    answers = _run(path, make_features()[None])[0][::8]
    _compare(path.name, answers, EMBEDDING_ANSWERS, EMBEDDING_TOLERANCE)


def _run(path: Path, values: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {session.get_inputs()[0].name: values})
    return np.asarray(result, dtype=np.float32)


def _compare(
    name: str, answers: NDArray[np.float32], expected: NDArray[np.float32], tolerance: float
) -> None:
    distance = float(np.abs(answers - expected).max())
    if not distance <= tolerance:
        raise DamagedWeightsError(
            f"The network built as {name} does not answer as it should (off by {distance:.2g}, "
            f"at most {tolerance:.2g} is allowed). It was not put to use; fetch the model again."
        )
