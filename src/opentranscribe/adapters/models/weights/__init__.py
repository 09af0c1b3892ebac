"""Turns published network weights into ONNX graphs, without torch and without running their code."""

from opentranscribe.adapters.models.weights.diarization import build_diarization
from opentranscribe.adapters.models.weights.reader import DamagedWeightsError

__all__ = ["DamagedWeightsError", "build_diarization"]
