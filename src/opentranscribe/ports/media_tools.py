"""Opening hostile media safely: probe, decode, peaks, thumbnails."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from opentranscribe.kit.errors import InvalidError, UnavailableError
from opentranscribe.ports.progress import Progress


class MediaError(InvalidError):
    """The file cannot be used; the message is a sentence for the person who uploaded it."""

    code = "media_unusable"


class NotMediaError(MediaError):
    code = "not_media"


class EmptyMediaError(MediaError):
    code = "media_empty"


class NoAudioTrackError(MediaError):
    code = "no_audio_track"


class DamagedMediaError(MediaError):
    code = "media_damaged"


class MediaToolError(UnavailableError):
    """The tool's child process was killed or ran out of its limits; another try may help."""

    code = "media_tool_failed"


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What the container says. Durations in seconds, rates in Hz, sizes in pixels."""

    container: str
    duration_seconds: float | None
    audio_codec: str | None
    audio_channels: int | None
    audio_sample_rate_hz: int | None
    has_video: bool
    video_codec: str | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    created_at: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decoded:
    """``warnings`` are sentences, for instance that the file ends before its stated duration."""

    sample_count: int
    duration_seconds: float
    peak: float
    warnings: tuple[str, ...] = ()


class MediaTools(Protocol):
    """Every call runs in a limited child process on a local file; raises MediaError kinds."""

    def probe(self, source: Path) -> MediaInfo: ...

    def decode(self, source: Path, target: Path, peaks: Path, progress: Progress) -> Decoded:
        """Write 16 kHz mono s16le PCM to ``target`` (see ports.audio.Pcm) and waveform peaks.

        ``peaks`` receives little-endian int16 pairs (minimum, maximum), 50 pairs a second.
        Both appear whole or not at all. Raises EmptyMediaError, NoAudioTrackError, …
        """
        ...

    def thumbnail(
        self, source: Path, target: Path, at_seconds: float, max_width: int = 1280
    ) -> None:
        """One WebP frame of a video."""
        ...
