"""Running a table of steps in the order of what needs what, two at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from opentranscribe.features.jobs.kinds import Step
from opentranscribe.ports.progress import Cancelled

PARALLEL_STEPS = 2


def run_graph(
    steps: Sequence[Step],
    execute: Callable[[Step], None],
    *,
    finished: frozenset[str] = frozenset(),
    give_up: Callable[[], None],
    parallel: int = PARALLEL_STEPS,
) -> None:
    """Call ``execute`` for every step not in ``finished``, each after those it needs.

    When one raises, ``give_up`` is called once (it makes the others stop at their next report of
    progress), nothing new begins, and the first error that is not a mere Cancelled is raised.
    """
    ended = set(finished)
    waiting = [step for step in steps if step.name not in ended]
    running: dict[Future[None], Step] = {}
    errors: list[BaseException] = []
    with ThreadPoolExecutor(parallel, thread_name_prefix="step") as pool:
        while waiting or running:
            if not errors:
                for step in _ready(waiting, ended, parallel - len(running)):
                    waiting.remove(step)
                    running[pool.submit(execute, step)] = step
            if not running:
                break  # whatever still waits needs a step that is not in the table, or has failed
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                step = running.pop(future)
                error = future.exception()
                if error is None:
                    ended.add(step.name)
                    continue
                if not errors:
                    give_up()
                errors.append(error)
    if waiting and not errors:
        names = ", ".join(step.name for step in waiting)
        raise ValueError(f"these steps need one that is not in the table: {names}")
    if errors:
        raise next((error for error in errors if not isinstance(error, Cancelled)), errors[0])


def _ready(waiting: Sequence[Step], ended: set[str], room: int) -> list[Step]:
    return [step for step in waiting if ended.issuperset(step.after)][: max(room, 0)]
