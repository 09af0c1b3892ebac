"""Programs that are loaded before they are needed, and wait for the word to begin.

Loading a program takes a second or more, beginning with it a tenth. Who gives the word holds the
other end of the pipe: when that one dies, whoever still waits ends.
"""

from __future__ import annotations

import sys

#: Behind the command of a program that is to wait.
FLAG = "--standby"
WORD = b"go\n"


def is_told_to_begin() -> bool:
    """At once for a program that was not told to wait; False when the word never comes."""
    return FLAG not in sys.argv or sys.stdin.buffer.readline() == WORD
