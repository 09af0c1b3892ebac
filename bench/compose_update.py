"""How long people are without service in an update under compose, with one backend and with two.

    python -m bench.compose_update [--engine FOLDER] [--models FOLDER]

A container engine of its own with our images of two releases, built from this checkout. Somebody
reads and somebody writes as fast as the answers come, while ``./opentr.sh update`` goes to the second
release; and, as what everybody knows, while plain Compose replaces the containers of the first one
(``docker compose up -d --force-recreate backend``). Needs what the container tests need: root.
"""

from __future__ import annotations

import argparse
import os
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.containers import images
from tests.containers.engine import Engine
from tests.containers.stack import PREFIX, Stack, typed
from tests.e2e.updating import EMAIL, PASSWORD, Visitors, Wheels, sign_in
from tests.integration.supervisor.conftest import fetch_models

#: Before and after, so that what is measured does not begin with the first request.
MARGIN_SECONDS = 2.0


@dataclass
class Seen:
    """``reading`` and ``changing``: the longest time without, in seconds."""

    took: float
    reading: float
    changing: float
    read: Counter[int | str]
    written: Counter[int | str]
    missing: int

    @property
    def failed_reads(self) -> int:
        return self.read.total() - self.read[200]

    @property
    def failed_changes(self) -> int:
        return self.written.total() - self.written[201]


def watch(place: Stack, act: Callable[[], object]) -> Seen:
    visitors = Visitors(place.address, sign_in(place.address))
    with visitors.busy():
        time.sleep(MARGIN_SECONDS)
        started = time.monotonic()
        act()
        took = time.monotonic() - started
        time.sleep(MARGIN_SECONDS)
    return Seen(
        took,
        visitors.without_service,
        visitors.without_changes,
        visitors.read_statuses,
        visitors.statuses,
        len(visitors.missing()),
    )


def measure(
    engine: Engine, folder: Path, models: Path, wheels: Wheels, replicas: int
) -> dict[str, Seen]:
    images.make_ours(engine, PREFIX, "v1.1.0", wheels["second"])
    images.make_ours(engine, PREFIX, "v1.0.0", wheels["first"])
    place = Stack(engine, folder)
    place.lay_out("v1.0.0", models)
    place.settings["OPENTR_BACKEND_REPLICAS"] = str(replicas)
    place.write_settings()
    try:
        typed(place, "./opentr.sh start --compose")
        place.opentr("users", "create", EMAIL, "--admin", "--password-stdin", stdin=PASSWORD)
        plain = "docker compose up -d --wait --force-recreate --no-deps backend"
        return {
            "plain Compose": watch(place, lambda: typed(place, plain)),
            "update": watch(
                place, lambda: typed(place, "./opentr.sh update --version v1.1.0 --yes")
            ),
        }
    finally:
        place.compose("down", "--volumes", "--remove-orphans", check=False)


def show(replicas: int, found: dict[str, Seen]) -> None:
    for name, seen in found.items():
        print(
            f"{replicas} backends, {name}: {seen.took:.0f} s; reads {seen.read.total()}, of these"
            f" failed {seen.failed_reads}, longest time without {seen.reading:.2f} s; changes"
            f" {seen.written.total()}, not let in {seen.failed_changes} {dict(seen.written)}, longest"
            f" time without {seen.changing:.2f} s; {seen.missing} acknowledged words missing"
        )
    ratio = found["update"].reading / found["plain Compose"].reading
    print(
        f"without service: {ratio:.2f} x plain Compose; load {os.getloadavg()[0]:.1f}", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", type=Path, help="where images are kept from run to run")
    parser.add_argument("--models", type=Path, help="where models are kept from run to run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="opentr-compose-", dir="/var/tmp") as name:
        folder = Path(name)
        plugin = Path(sysconfig.get_path("scripts")) / "docker-compose"
        engine = Engine(options.engine or folder / "engine", plugin)
        engine.start()
        try:
            images.make_all_but_ours(engine, folder / "images")
            models = fetch_models(options.models or folder / "models")
            wheels = Wheels(folder / "wheels")
            for replicas in (1, 2):
                home = folder / f"with-{replicas}"
                home.mkdir()
                show(replicas, measure(engine, home, models, wheels, replicas))
        finally:
            engine.stop()


if __name__ == "__main__":
    main()
