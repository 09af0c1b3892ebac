"""Puts an ONNX graph together node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
#: The oldest file format that carries opset 17, so that older runtimes load it too.
IR_VERSION = 8


class GraphWriter:
    """Collects nodes and constants; every node gets a name of its own."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._counter = 0

    def constant(self, values: NDArray[Any] | Sequence[int]) -> str:
        """A list of integers becomes int64, as shapes and axes must be."""
        array = values if isinstance(values, np.ndarray) else np.asarray(values, dtype=np.int64)
        name = self._next("c")
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; returns the name of the output. "" leaves an input out."""
        name = self._next(operation)
        self._nodes.append(helper.make_node(operation, list(inputs), [name], name, **attributes))
        return name

    def finish(
        self,
        name: str,
        source: tuple[str, Sequence[str | int]],
        result: tuple[str, str, Sequence[str | int]],
    ) -> onnx.ModelProto:
        """``source`` is (name, shape); ``result`` is (last node, name, shape)."""
        self._nodes.append(helper.make_node("Identity", [result[0]], [result[1]]))
        graph = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info(source[0], TensorProto.FLOAT, list(source[1]))],
            [helper.make_tensor_value_info(result[1], TensorProto.FLOAT, list(result[2]))],
            self._constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="opentranscribe"
        )
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model)
        return model

    def _next(self, prefix: str) -> str:
        self._counter += 1
        return f"{prefix}_{self._counter}"
