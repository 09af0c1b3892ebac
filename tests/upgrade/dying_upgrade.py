"""A process that upgrades a database and kills itself after its Nth step: URL N on the command
line. Prints how many steps ran when it gets to the end."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from opentranscribe.schema.migrations import execution, runner


def main(url: str, last: int) -> None:
    run_step = execution.run_step
    count = 0

    def run_and_count(*arguments: Any) -> None:
        nonlocal count
        run_step(*arguments)
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(execution, "run_step", run_and_count)  # noqa: B010 - a function, not a method
    runner.upgrade(url)
    print(count)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
