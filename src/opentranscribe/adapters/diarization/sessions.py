"""The two networks of the pipeline as ONNX Runtime sessions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

SEGMENTATION_FILE = "segmentation.onnx"
EMBEDDING_FILE = "embedding.onnx"


class Networks:
    """Both networks, loaded; each call uses at most ``threads`` threads."""

    def __init__(self, folder: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that wait by spinning would take time from recognition, which runs beside this.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._segmentation = _open(folder / SEGMENTATION_FILE, options)
        self._embedding = _open(folder / EMBEDDING_FILE, options)

    def segment(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """(batch, samples) at 16 kHz to log-probabilities (batch, frames, 7)."""
        return _run(self._segmentation, windows[:, None, :])

    def embed(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(batch, frames, 80) mel energies to embeddings (batch, 192)."""
        return _run(self._embedding, features)


def _open(path: Path, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(
        str(path), sess_options=options, providers=["CPUExecutionProvider"]
    )


def _run(session: onnxruntime.InferenceSession, values: NDArray[np.float32]) -> NDArray[np.float32]:
    (result,) = session.run(None, {session.get_inputs()[0].name: values})
    return np.asarray(result, dtype=np.float32)
