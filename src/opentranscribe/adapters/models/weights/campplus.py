"""The speaker embedding network CAM++ (3D-Speaker, Apache-2.0) as an ONNX graph.

Wang et al., "CAM++: A Fast and Efficient Network for Speaker Verification Using Context-Aware
Masking", Interspeech 2023. The embedding ends in a normalisation without an activation: a ReLU
after it, as some copies of the code have, throws away half of the embedding.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from opentranscribe.adapters.models.weights.graph import GraphWriter
from opentranscribe.adapters.models.weights.reader import TensorTable

MEL_BANDS = 80
DIMENSION = 192
#: (layers, dilation) of the three densely connected blocks.
BLOCKS = ((12, 1), (24, 2), (16, 2))
CONTEXT_FRAMES = 100
EPSILON = 1e-5


def build_campplus(tensors: TensorTable) -> onnx.ModelProto:
    """Input ``features`` (batch, frames, 80); output ``embedding`` (batch, 192), not normalised.

    Uses up ``tensors``; raises DamagedWeightsError when they do not fit.
    """
    tensors.drop_counters()
    writer = _CampplusWriter(tensors)
    node = writer.write_head("features")
    node = writer.convolve_folded(node, "xvector.tdnn.linear", "xvector.tdnn.nonlinear.batchnorm",
                                  strides=[2], pads=[2, 2])  # fmt: skip
    node = writer.graph.add("Relu", node)
    for index, (layers, dilation) in enumerate(BLOCKS, start=1):
        for layer in range(1, layers + 1):
            node = writer.write_dense_layer(node, f"xvector.block{index}.tdnnd{layer}", dilation)
        node = writer.activate(node, f"xvector.transit{index}.nonlinear.batchnorm")
        node = writer.convolve(node, f"xvector.transit{index}.linear")
    node = writer.activate(node, "xvector.out_nonlinear.batchnorm")
    node = writer.write_embedding(node)
    tensors.require_empty()
    return writer.graph.finish(
        "campplus",
        ("features", ("batch", "frames", MEL_BANDS)),
        (node, "embedding", ("batch", DIMENSION)),
    )


class _CampplusWriter:
    def __init__(self, tensors: TensorTable) -> None:
        self.graph = GraphWriter()
        self._tensors = tensors

    def write_head(self, features: str) -> str:
        """Two-dimensional residual front end; (batch, frames, 80) to (batch, 320, frames)."""
        node = self.graph.add("Transpose", features, perm=[0, 2, 1])
        node = self.graph.add("Unsqueeze", node, self.graph.constant([1]))
        node = self._convolve_square(node, "head.conv1", "head.bn1", stride=1)
        node = self.graph.add("Relu", node)
        for layer in ("head.layer1", "head.layer2"):
            node = self._write_residual(node, f"{layer}.0", stride=2)
            node = self._write_residual(node, f"{layer}.1", stride=1)
        node = self.graph.add("Relu", self._convolve_square(node, "head.conv2", "head.bn2", 2))
        return self.graph.add("Reshape", node, self.graph.constant([0, 4 * MEL_BANDS, -1]))

    def _write_residual(self, node: str, name: str, stride: int) -> str:
        inner = self._convolve_square(node, f"{name}.conv1", f"{name}.bn1", stride)
        inner = self.graph.add("Relu", inner)
        inner = self._convolve_square(inner, f"{name}.conv2", f"{name}.bn2", 1)
        if stride != 1:
            node = self.convolve_folded(
                node, f"{name}.shortcut.0", f"{name}.shortcut.1", strides=[stride, 1]
            )
        return self.graph.add("Relu", self.graph.add("Add", inner, node))

    def _convolve_square(self, node: str, name: str, norm: str, stride: int) -> str:
        return self.convolve_folded(node, name, norm, strides=[stride, 1], pads=[1, 1, 1, 1])

    def convolve(self, node: str, name: str, *, bias: bool = False, **attributes: list[int]) -> str:
        inputs = [self.graph.constant(self._tensors.take(f"{name}.weight"))]
        if bias:
            inputs.append(self.graph.constant(self._tensors.take(f"{name}.bias")))
        return self.graph.add("Conv", node, *inputs, **attributes)

    def convolve_folded(self, node: str, name: str, norm: str, **attributes: list[int]) -> str:
        """A convolution with the normalisation that follows it folded into its weights."""
        weight = self._tensors.take(f"{name}.weight")
        scale, shift = self._take_norm(norm)
        folded = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
        return self.graph.add(
            "Conv", node, self.graph.constant(folded), self.graph.constant(shift), **attributes
        )

    def activate(self, node: str, norm: str) -> str:
        """Normalisation and ReLU where no convolution comes directly before."""
        scale, shift = self._take_norm(norm)
        node = self.graph.add("Mul", node, self.graph.constant(scale[:, None]))
        return self.graph.add(
            "Relu", self.graph.add("Add", node, self.graph.constant(shift[:, None]))
        )

    def write_dense_layer(self, node: str, name: str, dilation: int) -> str:
        """A context-masked layer whose 32 channels are appended to its input."""
        inner = self.activate(node, f"{name}.nonlinear1.batchnorm")
        inner = self.convolve_folded(inner, f"{name}.linear1", f"{name}.nonlinear2.batchnorm")
        inner = self.graph.add("Relu", inner)
        local = self.convolve(
            inner, f"{name}.cam_layer.linear_local", dilations=[dilation], pads=[dilation] * 2
        )
        context = self.graph.add("Add", self._average(inner), self._average_segments(inner))
        mask = self.convolve(context, f"{name}.cam_layer.linear1", bias=True)
        mask = self.graph.add("Relu", mask)
        mask = self.graph.add(
            "Sigmoid", self.convolve(mask, f"{name}.cam_layer.linear2", bias=True)
        )
        mask = self._stretch(mask, local)
        return self.graph.add("Concat", node, self.graph.add("Mul", local, mask), axis=1)

    def _average(self, node: str) -> str:
        return self.graph.add("ReduceMean", node, axes=[2], keepdims=1)

    def _average_segments(self, node: str) -> str:
        return self.graph.add(
            "AveragePool",
            node,
            kernel_shape=[CONTEXT_FRAMES],
            strides=[CONTEXT_FRAMES],
            ceil_mode=1,
            count_include_pad=0,
        )

    def _stretch(self, segments: str, like: str) -> str:
        """Repeat each segment's value over its frames: (batch, c, segments) to (batch, c, frames).

        The mask is made per segment and stretched last: the same values for a hundredth of the
        work of stretching first.
        """
        graph = self.graph
        node = graph.add("Unsqueeze", segments, graph.constant([3]))
        node = graph.add("Expand", node, graph.constant([1, 1, 1, CONTEXT_FRAMES]))
        node = graph.add("Reshape", node, graph.constant([0, 0, -1]))
        end = graph.add("Shape", like, start=2, end=3)
        return graph.add("Slice", node, graph.constant([0]), end, graph.constant([2]))

    def write_embedding(self, node: str) -> str:
        """Mean and unbiased deviation over time, one linear layer, normalisation."""
        graph = self.graph
        mean = self._average(node)
        difference = graph.add("Sub", node, mean)
        total = graph.add("ReduceSum", graph.add("Mul", difference, difference),
                          graph.constant([2]), keepdims=1)  # fmt: skip
        frames = graph.add(
            "Cast", graph.add("Shape", node, start=2, end=3), to=onnx.TensorProto.FLOAT
        )
        freedom = graph.add("Sub", frames, graph.constant(np.ones(1, dtype=np.float32)))
        freedom = graph.add("Max", freedom, graph.constant(np.ones(1, dtype=np.float32)))
        deviation = graph.add("Sqrt", graph.add("Div", total, freedom))
        node = graph.add("Concat", mean, deviation, axis=1)
        weight = self._tensors.take("xvector.dense.linear.weight")
        name = "xvector.dense.nonlinear.batchnorm"
        scale = 1 / np.sqrt(self._tensors.take(f"{name}.running_var") + np.float32(EPSILON))
        shift = -self._tensors.take(f"{name}.running_mean") * scale
        node = graph.add("Conv", node, graph.constant(weight * scale[:, None, None]),
                         graph.constant(shift))  # fmt: skip
        return graph.add("Squeeze", node, graph.constant([2]))

    def _take_norm(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scale and shift per channel of a normalisation layer at rest."""
        variance = self._tensors.take(f"{name}.running_var")
        scale = self._tensors.take(f"{name}.weight") / np.sqrt(variance + np.float32(EPSILON))
        shift = (
            self._tensors.take(f"{name}.bias") - self._tensors.take(f"{name}.running_mean") * scale
        )
        return scale, shift
