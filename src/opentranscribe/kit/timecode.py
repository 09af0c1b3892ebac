"""Seconds as people and subtitle formats write them."""

from __future__ import annotations


def _parts(seconds: float) -> tuple[int, int, int, int]:
    milliseconds = max(0, round(seconds * 1000))
    whole, ms = divmod(milliseconds, 1000)
    minutes, s = divmod(whole, 60)
    h, m = divmod(minutes, 60)
    return h, m, s, ms


def srt_time(seconds: float) -> str:
    """``01:02:03,456``."""
    h, m, s, ms = _parts(seconds)
    return f"{h:02d}:{m:02d}:{s:02d},{ms:03d}"


def vtt_time(seconds: float) -> str:
    """``01:02:03.456``."""
    h, m, s, ms = _parts(seconds)
    return f"{h:02d}:{m:02d}:{s:02d}.{ms:03d}"


def clock_text(seconds: float) -> str:
    """``1:02:03`` or ``2:03``, for people."""
    h, m, s, _ = _parts(int(seconds))
    return f"{h}:{m:02d}:{s:02d}" if h else f"{m}:{s:02d}"
