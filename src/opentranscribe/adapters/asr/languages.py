"""Which language is spoken, judged from several places of the speech instead of its first seconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim

from opentranscribe.adapters.asr.windows import Window
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.progress import Progress

#: Sure enough after one window; otherwise up to four are asked and their answers added.
_SURE = 0.85
_MOST_WINDOWS = 4


def detect_language(
    model: WhisperModel, audio: Pcm, windows: Sequence[Window], progress: Progress
) -> tuple[str, float]:
    """ISO 639-1 code and probability in [0, 1]; ("en", 0.0) when nobody speaks."""
    if not windows:
        return "en", 0.0
    totals: dict[str, float] = defaultdict(float)
    asked = 0
    for window in _spread(windows):
        features = model.feature_extractor(window.read(audio))
        encoded = model.encode(pad_or_trim(features[:, :3000]))
        for token, probability in model.model.detect_language(encoded)[0]:
            totals[token.strip("<|>")] += probability
        asked += 1
        progress(0.0)
        language = max(totals, key=lambda code: totals[code])
        if totals[language] / asked >= _SURE:
            break
    return language, totals[language] / asked


def _spread(windows: Sequence[Window]) -> list[Window]:
    """The first, then some from all over; long ones first among equals would bias to monologue."""
    step = max(1, len(windows) // _MOST_WINDOWS)
    return list(windows[::step][:_MOST_WINDOWS])
