"""Reads tensors out of a torch checkpoint without torch and without running what a pickle says.

A checkpoint is a zip archive: a pickle that describes tensors, and one raw file per storage. The
pickle is read with an allow-list of four harmless names; anything else in it is an error.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opentranscribe.kit.errors import InvalidError

Tensors = dict[str, NDArray[Any]]

_STORAGE_TYPES = {
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


class DamagedWeightsError(InvalidError):
    """A file of weights is not what was expected; nothing was built from it."""

    code = "weights_damaged"


class _Unpickler(pickle.Unpickler):
    """Knows how a tensor is put together, and nothing else."""

    def __init__(self, description: bytes, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(description))
        self._archive = archive
        self._root = root

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if (module, name) in _STORAGE_TYPES:
            return _STORAGE_TYPES[module, name]
        raise _refusal(f"it asks for {module}.{name}")

    def persistent_load(self, reference: Any) -> NDArray[Any]:
        match reference:
            case ("storage", np.dtype() as kind, str(key), _, int(count)):
                values = np.frombuffer(self._archive.read(f"{self._root}/data/{key}"), dtype=kind)
            case _:
                raise _refusal("it holds a reference of an unknown kind")
        if values.size != count:
            raise _refusal(f"storage {key} has {values.size} values and not {count}")
        return values


def _rebuild_tensor(
    storage: NDArray[Any],
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *_: object,
) -> NDArray[Any]:
    expected = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    if any(size > 1 and a != b for size, a, b in zip(shape, strides, expected, strict=True)):
        raise _refusal("a tensor is not laid out row by row")
    return storage[offset : offset + math.prod(shape)].reshape(shape)


def _refusal(reason: str) -> DamagedWeightsError:
    return DamagedWeightsError(
        f"This file of model weights cannot be used: {reason}. Nothing was built from it; "
        "fetch the model again."
    )


def read_tensors(path: Path) -> Tensors:
    """All tensors of a checkpoint by their names, float32 or int64.

    A checkpoint may be the bare mapping of names, or keep it under ``state_dict``.
    Raises DamagedWeightsError.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            description = next(n for n in archive.namelist() if n.endswith("/data.pkl"))
            root = description.removesuffix("/data.pkl")
            content = _Unpickler(archive.read(description), archive, root).load()
    except (zipfile.BadZipFile, pickle.UnpicklingError, StopIteration, KeyError, EOFError) as error:
        raise DamagedWeightsError(
            f"{path.name} is not a readable file of model weights. Fetch the model again."
        ) from error
    if not isinstance(content, Mapping):
        raise _refusal("it holds no table of tensors")
    tensors = content.get("state_dict", content)
    return {name: value for name, value in tensors.items() if isinstance(value, np.ndarray)}


class TensorTable:
    """Hands out every tensor once, so that a missing or a forgotten one cannot go unnoticed."""

    def __init__(self, tensors: Tensors) -> None:
        self._left = dict(tensors)

    def take(self, name: str) -> NDArray[np.float32]:
        if name not in self._left:
            raise _refusal(f"the tensor {name} is missing")
        value = self._left.pop(name)
        if value.dtype != np.float32:
            raise _refusal(f"the tensor {name} is not float32")
        return value

    def drop_counters(self) -> None:
        """Batch counters of normalisation layers matter to training only."""
        for name in [n for n in self._left if n.endswith(".num_batches_tracked")]:
            del self._left[name]

    def require_empty(self) -> None:
        if self._left:
            names = ", ".join(sorted(self._left)[:3])
            raise _refusal(f"{len(self._left)} tensors are not used, such as {names}")
