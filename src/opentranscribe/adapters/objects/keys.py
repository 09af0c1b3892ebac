"""Which object keys are allowed, the same in every store."""

from __future__ import annotations

from opentranscribe.ports.objects import ObjectKeyError

LONGEST_KEY = 500
LONGEST_PART_BYTES = 255


def check_key(key: str) -> str:
    """The key itself. Raises ObjectKeyError for one that could leave the store or upset a disk.

    A part may not begin with a dot: such names are the store's own (temporary files, ``..``).
    """
    if not key or len(key) > LONGEST_KEY or not key.isprintable() or "\\" in key:
        raise ObjectKeyError("This is not a valid object key.", key=key[:LONGEST_KEY])
    for part in key.split("/"):
        try:
            size = len(part.encode())
        except UnicodeEncodeError as error:
            raise ObjectKeyError("An object key must be valid Unicode.") from error
        if not part or part.startswith(".") or size > LONGEST_PART_BYTES:
            raise ObjectKeyError("This is not a valid object key.", key=key)
    return key
