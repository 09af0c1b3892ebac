"""Which device and number type to compute with, asked from the engine instead of assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import ctranslate2


@dataclass(frozen=True, slots=True)
class Device:
    kind: Literal["cpu", "cuda"]
    compute_type: str


def choose_device(preferred: Literal["auto", "cpu", "cuda"] = "auto") -> Device:
    """A GPU when the engine can really use one, else the CPU; never an error."""
    if preferred != "cpu" and _cuda_count() > 0:
        types = ctranslate2.get_supported_compute_types("cuda")
        return Device("cuda", _first_of(("float16", "int8_float16", "float32"), types))
    types = ctranslate2.get_supported_compute_types("cpu")
    return Device("cpu", _first_of(("int8", "int8_float32", "float32"), types))


def _cuda_count() -> int:
    try:
        return int(ctranslate2.get_cuda_device_count())
    except RuntimeError:
        # A driver that is there but does not answer counts as no GPU.
        return 0


def _first_of(wanted: tuple[str, ...], supported: set[str]) -> str:
    return next((name for name in wanted if name in supported), "default")
