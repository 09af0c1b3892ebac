"""Before anything is served the database becomes that of this release; what it was is kept first."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from opentranscribe.kit.errors import UnavailableError
from opentranscribe.schema.migrations.recognise import recognise
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.schema.migrations.state import check, open_connection
from opentranscribe.settings import Settings, inherited_environment


class NoBackupError(UnavailableError):
    code = "no_backup"


def bring_to_this_release(
    settings: Settings, say_phase: Callable[[str], None], report: Callable[[object], None]
) -> None:
    """``report`` gets a line per change. Raises NoBackupError before anything was changed, and what
    `upgrade` raises."""
    url = settings.sqlalchemy_url
    if _will_change(url):
        # An update has its own backup and comes here with nothing left to do; this is for who
        # only put a newer release in place and started it.
        say_phase("backing up the database before it is changed")
        report(_back_up(settings))
    say_phase("bringing the database to this version")
    upgrade(url, report=report)


def _will_change(url: str) -> bool:
    """Whether there is something in it that `upgrade` would change. What is refused is not."""
    if check(url).kind not in {"behind", "unknown"}:
        return False
    with open_connection(url) as connection:
        return recognise(connection).kind in {"exact", "drifted"}


def _back_up(settings: Settings) -> str:
    """In a process of its own: it ends with all that it loaded."""
    done = subprocess.run(
        [sys.executable, "-m", "opentranscribe.entrypoints.cli.main", "backup", "--plain"],
        env=inherited_environment(OPENTR_HOME=str(settings.home), COLUMNS="200"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NoBackupError(
            "The database has to be changed for this release, and could not be backed up before:"
            f" {(done.stderr or done.stdout).strip()[-1000:]}\nNothing was changed. When that is"
            " mended, start again; or change it without a backup: ./opentr.sh db upgrade --yes"
        )
    return done.stdout.strip()
