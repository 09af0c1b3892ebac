"""A real worker or scheduler process with the stepwise engines in it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import stepwise

from opentranscribe import bootstrap
from opentranscribe.entrypoints import scheduler, worker, worker_pool
from opentranscribe.features.jobs.sweeper import sweep
from opentranscribe.settings import Settings


def main() -> None:
    stepwise.register(bootstrap, Path(os.environ["STEPWISE_FOLDER"]))
    worker_pool.LOOK_SECONDS, worker_pool.IDLE_SECONDS = 0.3, 2.0
    worker.worker_command = lambda queues: [  # type: ignore[assignment]
        *(sys.executable, __file__, "worker", "--queues", ",".join(queues))
    ]
    if sys.argv[1] == "worker":
        sys.exit(worker.main(sys.argv[2:]))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    app = bootstrap.build_app(Settings.load())
    chore = scheduler.Chore("sweep", 0.3, lambda app: sweep(app.work, grace_seconds=0.5))
    scheduler.TICK_SECONDS = 0.1
    scheduler.run(app, stop, [chore])


if __name__ == "__main__":
    main()
