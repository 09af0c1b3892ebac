"""What a killed restore left on the database server, swept away at a start and before the next one."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from filelock import FileLock, Timeout

from opentranscribe.features.backup import asides
from opentranscribe.features.upgrade.journal import list_journals
from opentranscribe.kit.errors import AppError
from opentranscribe.settings import Settings

#: Facts of a journal that name a database.
NAMES = ("kept_database", "kept", "replaced")


def sweep_leftovers(settings: Settings, url: str, tell: Callable[[object], None]) -> None:
    """Left for the next time while an update or a restore is at its end, and when the server does
    not allow it: nothing depends on it but room on the disk. ``url`` is where the database answers.
    """
    try:
        settings.update_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(settings.update_dir / "lock", timeout=0):
            for database in asides.sweep(url, _list_named(settings)):
                tell(f"Removed {database}, which a restore that was cut off had left.")
    except Timeout:
        return
    except (AppError, OSError, psycopg.Error) as error:
        tell(f"What a restore that was cut off had left could not be removed yet: {error}")


def _list_named(settings: Settings) -> set[str]:
    """By journals that have not ended: whoever takes those up needs these."""
    unfinished = [one for one in list_journals(settings.update_dir) if not one.has_ended]
    return {str(one.facts[name]) for one in unfinished for name in NAMES if one.facts.get(name)}
