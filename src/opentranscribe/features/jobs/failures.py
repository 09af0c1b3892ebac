"""What an exception means for a job: a code, a sentence, and whether another try may help."""

from __future__ import annotations

import errno

from opentranscribe.features.jobs.kinds import Failure
from opentranscribe.kit.errors import AppError

KILLED = Failure(
    "worker_lost",
    "The program was stopped every time it worked at this, so it has given up. The recording is "
    "safe. If this computer was short of memory, close other programs and try again.",
)
DISK_FULL = Failure(
    "disk_full", "The disk is full. The recording is safe; make room and try again."
)
OUT_OF_MEMORY = Failure(
    "memory",
    "There was not enough memory for this. The recording is safe; close other programs or choose "
    "a smaller model, then try again.",
)
INTERNAL = Failure(
    "internal",
    "Something in the program went wrong here. The recording is safe and you can try again; the "
    "log says more.",
)


def is_transient(error: Exception) -> bool:
    """Unknown errors are tried again too: the number of attempts is limited."""
    return error.transient if isinstance(error, AppError) else True


def is_outage(error: Exception) -> bool:
    """Nobody's fault and no reason to give up: it is tried again until it is over."""
    return isinstance(error, AppError) and error.outage


def failure_of(error: Exception) -> Failure:
    if isinstance(error, AppError):
        return Failure(error.code, error.message)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DISK_FULL
    if isinstance(error, MemoryError):
        return OUT_OF_MEMORY
    return INTERNAL
