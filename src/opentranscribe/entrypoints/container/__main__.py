"""``python -m opentranscribe.entrypoints.container backend|migrate|worker|scheduler [ARGUMENT…]``

Everything that starts a release brings the database along first; workers and the scheduler wait
until somebody has. ``hold`` and ``open`` are for an update: while it holds, everybody can read and
only who has the token it prints can change anything.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence

from opentranscribe.entrypoints import scheduler, server, worker
from opentranscribe.entrypoints.background import configure_logging
from opentranscribe.entrypoints.leftovers import sweep_leftovers
from opentranscribe.entrypoints.supervisor.migration import bring_to_this_release
from opentranscribe.entrypoints.supervisor.secret_files import private_folder
from opentranscribe.entrypoints.supervisor.setup_offer import offer_setup
from opentranscribe.kit.errors import AppError
from opentranscribe.kit.fence import Fence
from opentranscribe.schema.migrations.errors import DatabaseUnreachableError
from opentranscribe.schema.migrations.state import check
from opentranscribe.settings import Settings

WAIT_SECONDS = 120.0
USAGE = "backend|migrate|worker|scheduler|hold|open [ARGUMENT…]"


def main(words: Sequence[str]) -> int:
    role, *arguments = words or ["backend"]
    settings = Settings.load()
    for folder in (settings.data_dir, settings.scratch_dir, settings.logs_dir):
        private_folder(folder)
    match role:
        case "backend":
            return _migrate(settings) or _serve(settings)
        case "migrate":
            return _migrate(settings)
        case "worker":
            return worker.main(arguments)
        case "scheduler":
            return scheduler.main()
        case "hold" | "open":
            return _hold(settings, is_wanted=role == "hold")
    sys.stderr.write(f"✗ There is no service {role!r}. Say: {USAGE}\n")
    return 2


def _migrate(settings: Settings) -> int:
    try:
        _wait_for_database(settings)
        bring_to_this_release(settings, lambda phase: _say(f"migration: {phase}"), _say)
        sweep_leftovers(settings, settings.sqlalchemy_url, _say)
    except AppError as error:
        _say(f"✗ migration: {error.message}")
        return 1
    return 0


def _wait_for_database(settings: Settings) -> None:
    """Raises DatabaseUnreachableError after WAIT_SECONDS."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            check(settings.sqlalchemy_url)
        except DatabaseUnreachableError:
            if time.monotonic() > until:
                raise
            time.sleep(1.0)
        else:
            return


def _hold(settings: Settings, *, is_wanted: bool) -> int:
    fence = Fence(settings.update_dir / "fence.json")
    if is_wanted:
        private_folder(settings.update_dir)
        _say(fence.put_up(readable=True))
    elif fence.stands:
        fence.take_down()
    return 0


def _serve(settings: Settings) -> int:
    configure_logging(settings)
    threading.Thread(target=_tell_setup, args=(settings,), daemon=True).start()
    return server.main()


def _tell_setup(settings: Settings) -> None:
    """The way to the first administrator stands in the log, as it does in the terminal elsewhere."""
    for _ in range(60):
        time.sleep(1.0)
        token = offer_setup(settings.secrets_dir, settings.backend_port)
        if token is not None:
            _say(f"First visit: create the administrator on the page at /setup#token={token}")
            return


def _say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
