"""Begins what is asked of the backups, or due, in a process of its own: a backup may take long."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict

from opentranscribe.bootstrap import App
from opentranscribe.entrypoints.supervisor.logs import open_log
from opentranscribe.features.backup.orders import announce
from opentranscribe.features.backup.plan import choose_order
from opentranscribe.features.backup.policy import read_policy
from opentranscribe.kit import clock
from opentranscribe.kit.fence import Fence
from opentranscribe.settings import Settings, inherited_environment
from opentranscribe.work import SYSTEM


class BackupClerk:
    """One order at a time; none while an update stands, which makes its own backup."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, app: App) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        if Fence(app.options.update_dir / "fence.json").stands:
            return
        with app.work(SYSTEM) as work:
            policy = read_policy(work)
        order = choose_order(app.options.backup_state_dir, policy, clock.now().astimezone())
        if order is None:
            return
        settings = Settings.load()
        with open_log(settings.logs_dir, "backup") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "opentranscribe.entrypoints.cli.main"),
                    *("backup-order", json.dumps(asdict(order))),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=inherited_environment(OPENTR_HOME=str(settings.home)),
            )
        announce(app.options.backup_state_dir, order, self._process.pid)
