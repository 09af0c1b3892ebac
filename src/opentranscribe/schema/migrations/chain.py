"""The whole chain in the order it runs, legacy first, then ours; the last one is the head."""

from __future__ import annotations

from opentranscribe.schema.migrations.legacy import LEGACY
from opentranscribe.schema.migrations.steps import Revision
from opentranscribe.schema.migrations.versions import OURS

CHAIN: tuple[Revision, ...] = (*LEGACY, *OURS)
HEAD: str = CHAIN[-1].name

#: Numbers of the oldest heads whose programs may read, and write, a schema at this head. Raise them
#: with a revision that takes away what those programs use.
OLDEST_READER = 402
OLDEST_WRITER = 402

_POSITION = {revision.name: index for index, revision in enumerate(CHAIN)}


def is_known(name: str) -> bool:
    """Whether ``name`` is a revision of this release."""
    return name in _POSITION


def is_newer(name: str) -> bool:
    """Whether an unknown ``name`` looks like a revision of a later release."""
    number = name[1:4]
    return (
        not is_known(name)
        and name.startswith("v")
        and number.isdigit()
        and int(number) > CHAIN[-1].number
    )


def list_pending(current: str | None, target: str = "head") -> tuple[Revision, ...]:
    """The revisions after ``current`` (None: from the start) up to ``target``, both known."""
    start = -1 if current is None else _POSITION[current]
    stop = _POSITION[HEAD if target == "head" else target]
    return CHAIN[start + 1 : stop + 1]
