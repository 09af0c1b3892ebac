"""A disk that cannot take or give what it should, told to people."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opentranscribe.kit.errors import AppError

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def disk_told(folder: Path, error_class: type[AppError], safe: str) -> Iterator[None]:
    """``safe`` says what was not harmed. Raises ``error_class`` for what the system says of a disk;
    what a library says of the bytes it read has no number and passes."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        if error.errno in FULL_DISK:
            raise error_class(f"The disk of {folder} is full. {safe} Free some space.") from error
        raise error_class(
            f"The disk of {folder} does not do what it should ({error.strerror}). {safe} Look at"
            " the disk before you try again."
        ) from error
