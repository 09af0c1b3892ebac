"""The network segmentation-3.0 (pyannote, MIT) as an ONNX graph.

SincNet, four bidirectional LSTM layers, two linear layers and a classifier of seven classes: the
sets of at most two out of three local speakers. Bredin, "pyannote.audio 2.1", Interspeech 2023;
Plaquet and Bredin, "Powerset multi-class cross entropy loss", Interspeech 2023.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from opentranscribe.adapters.models.weights.graph import GraphWriter
from opentranscribe.adapters.models.weights.reader import TensorTable

SAMPLE_RATE_HZ = 16_000
SINC_STRIDE = 10
LOWEST_HZ = 50.0
LSTM_LAYERS = 4
HIDDEN = 128
CLASSES = 7
LEAK = 0.01


def build_segmentation(tensors: TensorTable) -> onnx.ModelProto:
    """Input ``samples`` (batch, 1, n) at 16 kHz; output ``log_probabilities`` (batch, frames, 7).

    Uses up ``tensors``; raises DamagedWeightsError when they do not fit.
    """
    graph = GraphWriter()
    node = _normalise(graph, "samples", tensors, "sincnet.wav_norm1d")
    filters = graph.constant(make_sinc_filters(tensors))
    node = graph.add("Abs", graph.add("Conv", node, filters, strides=[SINC_STRIDE]))
    node = _pool(graph, node, tensors, 0)
    for layer in (1, 2):
        weight = graph.constant(tensors.take(f"sincnet.conv1d.{layer}.weight"))
        bias = graph.constant(tensors.take(f"sincnet.conv1d.{layer}.bias"))
        node = _pool(graph, graph.add("Conv", node, weight, bias), tensors, layer)
    node = graph.add("Transpose", node, perm=[2, 0, 1])
    for layer in range(LSTM_LAYERS):
        node = _recur(graph, node, tensors, layer)
    for name in ("linear.0", "linear.1"):
        node = graph.add("LeakyRelu", _apply_linear(graph, node, tensors, name), alpha=LEAK)
    node = graph.add("LogSoftmax", _apply_linear(graph, node, tensors, "classifier"), axis=-1)
    node = graph.add("Transpose", node, perm=[1, 0, 2])
    tensors.require_empty()
    return graph.finish(
        "segmentation",
        ("samples", ("batch", 1, "samples")),
        (node, "log_probabilities", ("batch", "frames", CLASSES)),
    )


def make_sinc_filters(tensors: TensorTable) -> NDArray[np.float32]:
    """80 band-pass filters of 251 taps from 40 learned bands: cosine and sine phase of each.

    Pariente et al., "Filterbank design for end-to-end speech separation", ICASSP 2020. The
    arithmetic stays in float32, as in training.
    """
    prefix = "sincnet.conv1d.0.filterbank."
    low = np.float32(LOWEST_HZ) + np.abs(tensors.take(prefix + "low_hz_"))
    band = np.float32(LOWEST_HZ) + np.abs(tensors.take(prefix + "band_hz_"))
    window, times = tensors.take(prefix + "window_"), tensors.take(prefix + "n_")
    high = np.clip(low + band, np.float32(LOWEST_HZ), np.float32(SAMPLE_RATE_HZ / 2))
    band = high - low
    half = times / np.float32(2)
    cosine = (np.sin(high @ times) - np.sin(low @ times)) / half * window
    sine = (np.cos(low @ times) - np.cos(high @ times)) / half * window
    even = np.concatenate([cosine, 2 * band, cosine[:, ::-1]], axis=1)
    odd = np.concatenate([sine, np.zeros_like(band), -sine[:, ::-1]], axis=1)
    filters = np.concatenate([even / (2 * band), odd / (2 * band)])
    return filters[:, None, :].astype(np.float32)


def _normalise(graph: GraphWriter, node: str, tensors: TensorTable, name: str) -> str:
    scale = graph.constant(tensors.take(f"{name}.weight"))
    bias = graph.constant(tensors.take(f"{name}.bias"))
    return graph.add("InstanceNormalization", node, scale, bias, epsilon=1e-5)


def _pool(graph: GraphWriter, node: str, tensors: TensorTable, layer: int) -> str:
    node = graph.add("MaxPool", node, kernel_shape=[3], strides=[3])
    node = _normalise(graph, node, tensors, f"sincnet.norm1d.{layer}")
    return graph.add("LeakyRelu", node, alpha=LEAK)


def _recur(graph: GraphWriter, node: str, tensors: TensorTable, layer: int) -> str:
    """One bidirectional layer over (frames, batch, features); forward and backward are stacked."""
    sides = (f"l{layer}", f"l{layer}_reverse")
    inner, outer, biases = [], [], []
    for side in sides:
        inner.append(_reorder_gates(tensors.take(f"lstm.weight_ih_{side}")))
        outer.append(_reorder_gates(tensors.take(f"lstm.weight_hh_{side}")))
        biases.append(
            np.concatenate(
                [
                    _reorder_gates(tensors.take(f"lstm.bias_ih_{side}")),
                    _reorder_gates(tensors.take(f"lstm.bias_hh_{side}")),
                ]
            )
        )
    weights = [graph.constant(np.stack(part)) for part in (inner, outer, biases)]
    node = graph.add("LSTM", node, *weights, direction="bidirectional", hidden_size=HIDDEN)
    node = graph.add("Transpose", node, perm=[0, 2, 1, 3])
    return graph.add("Reshape", node, graph.constant([0, 0, 2 * HIDDEN]))


def _reorder_gates(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Training order input, forget, cell, output; ONNX order input, output, forget, cell."""
    entry, forget, cell, output = np.split(values, 4)
    return np.concatenate([entry, output, forget, cell])


def _apply_linear(graph: GraphWriter, node: str, tensors: TensorTable, name: str) -> str:
    weight = graph.constant(tensors.take(f"{name}.weight").T)
    bias = graph.constant(tensors.take(f"{name}.bias"))
    return graph.add("Add", graph.add("MatMul", node, weight), bias)
