"""Whether a store takes and gives back bytes."""

from __future__ import annotations

import uuid

from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.objects import Objects


def try_store(store: Objects) -> None:
    """Leaves nothing behind. Raises UnavailableError."""
    token = uuid.uuid4().bytes
    key = f"ping/{uuid.uuid4().hex}"
    store.put_bytes(key, token)
    try:
        if b"".join(store.open_range(key, 0, len(token))) != token:
            raise UnavailableError("The store gives back other bytes than it was given.")
    finally:
        store.delete(key)
