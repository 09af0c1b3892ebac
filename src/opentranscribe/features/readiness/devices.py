"""What recognition computes on: said by the engine in the worker, read by whoever asks the API.

The API does not ask the engine itself: that would load it there, and the worker may be on another
machine with other hardware.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import Literal, Protocol

from sqlalchemy.exc import SQLAlchemyError

from opentranscribe.features.readiness import queries
from opentranscribe.work import SYSTEM, Work, WorkFactory

log = logging.getLogger(__name__)

Device = Literal["cpu", "cuda"]
#: The engine takes a second or two to load; starting the page comes first.
DELAY_SECONDS = 5.0


class Engine(Protocol):
    """The part of the recogniser that is used here."""

    def device(self) -> Device: ...


def host_of(process: str) -> str:
    """``worker@host:pid`` without what changes at each start."""
    return process.partition("@")[2].rpartition(":")[0]


def device_mode(work: Work, processes: Iterable[str]) -> Device:
    """``cuda`` when one of the living workers computes on a GPU."""
    told = queries.read_devices(work)
    return "cuda" if any(told.get(host_of(name)) == "cuda" for name in processes) else "cpu"


def tell_device(work_factory: WorkFactory, engine: Engine, process: str) -> None:
    device = engine.device()
    log.info("recognition computes on %s", device)
    try:
        with work_factory(SYSTEM) as work:
            queries.write_device(work, host_of(process), device)
    except SQLAlchemyError as error:
        log.warning("could not say what recognition computes on: %s", error)


def tell_device_later(
    work_factory: WorkFactory,
    engine: Engine,
    process: str,
    delay_seconds: float = DELAY_SECONDS,
) -> None:
    timer = threading.Timer(delay_seconds, tell_device, (work_factory, engine, process))
    timer.daemon = True
    timer.start()
