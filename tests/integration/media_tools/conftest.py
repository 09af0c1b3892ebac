"""The media tools as the pipeline uses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opentranscribe.adapters.media_tools.pyav import PyavMediaTools


@pytest.fixture
def tools() -> PyavMediaTools:
    return PyavMediaTools()


@pytest.fixture
def decode(tools: PyavMediaTools, tmp_path: Path) -> Callable[[Path], tuple[Any, Any]]:
    """The Decoded and the samples as float."""

    def run(source: Path) -> tuple[Any, Any]:
        target, peaks = tmp_path / "out.pcm", tmp_path / "out.i16"
        decoded = tools.decode(source, target, peaks, lambda fraction: None)
        samples = np.fromfile(target, dtype="<i2") / 32768
        assert len(samples) == decoded.sample_count
        assert peaks.stat().st_size == 4 * -(-decoded.sample_count // 320)
        return decoded, samples

    return run
