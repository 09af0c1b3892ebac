"""How a long recording is cut into parts that idle workers may take."""

from __future__ import annotations

#: A window is up to a minute of speech; with fewer, sending a part to another machine would cost
#: more than it wins.
LEAST_WINDOWS = 4
#: More parts than this would not spread the work better.
MOST_PARTS = 64


def plan_parts(window_count: int) -> list[range]:
    """Stretches of windows to be offered; empty when sharing is not worth while.

    The first stretch is not among them: it stays with whoever holds the recording, so that the
    first text is not waited for.
    """
    if window_count < LEAST_WINDOWS:
        return []
    size = -(-window_count // MOST_PARTS)
    return [
        range(first, min(first + size, window_count)) for first in range(size, window_count, size)
    ]
