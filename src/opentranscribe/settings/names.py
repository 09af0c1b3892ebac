"""Under which names a variable may be given."""

from __future__ import annotations

from pydantic import AliasChoices


def names(*choices: str) -> AliasChoices:
    """Our own name first, then those of the earlier system."""
    return AliasChoices(*choices)
