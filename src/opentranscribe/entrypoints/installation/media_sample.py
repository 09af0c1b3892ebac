"""What the rehearsal of a restore does with a recording: it is decoded, not only opened."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from opentranscribe.bootstrap import build_engines
from opentranscribe.ports.progress import ignore_progress
from opentranscribe.settings import Settings

#: Longer ones are opened only: a rehearsal every night must not decode for minutes.
LARGEST_DECODED_BYTES = 64 << 20


def build_look(settings: Settings) -> Callable[[Path], object]:
    """Raises what ports.media_tools raises for a recording that cannot be read."""
    tools = build_engines(settings).media_tools

    def look_at(path: Path) -> object:
        info = tools.probe(path)
        if info.audio_codec is None or path.stat().st_size > LARGEST_DECODED_BYTES:
            return info
        settings.scratch_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=settings.scratch_dir, prefix="drill-") as folder:
            return tools.decode(path, Path(folder, "pcm"), Path(folder, "peaks"), ignore_progress)

    return look_at
