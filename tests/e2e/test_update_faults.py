"""Whatever breaks in an update, afterwards the installation is well, by itself, and nothing is lost.

Some of the faults are tried each time; all of them with OPENTR_FAULTS=all (about 20 minutes; with
-s it says how long each took).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from urllib.parse import quote

import psycopg
import pytest
from tests.e2e.updating import (
    Place,
    Visitors,
    Wheels,
    back_to_first,
    made_place,
    visitors,
    wait_for_event,
    wheels,
)
from tests.integration.pipeline.small_disk import SmallDisk, small_disk

__all__ = ["visitors", "wheels"]

#: Faults of the release itself (tests/releases/v1.4.0-faulty), and the version that runs after.
OF_THE_RELEASE = {
    "ends after three seconds": "1.0.0",
    "listens elsewhere": "1.0.0",
    "needs a setting": "1.0.0",
    "is killed for its memory": "1.0.0",
    "its worker is killed for its memory": "1.0.0",
    "its worker gives no sign of life": "1.0.0",
    "its scheduler gives no sign of life": "1.0.0",
    "says that all is well": "1.0.0",
    "is slow but well": "1.4.0",
    "its migration ends in the middle": "1.0.0",
    "its migration hangs": "1.0.0",
    "its migration spoils the schema": "1.0.0",
    "its proof crashes": "1.0.0",
}
Break = Callable[[Place, SmallDisk], None]


def kill_database(place: Place, _disk: SmallDisk) -> None:
    pid = (place.home / "data" / "postgres" / "postmaster.pid").read_text().splitlines()[0]
    os.kill(int(pid), signal.SIGKILL)


def fill_the_disk(_place: Place, disk: SmallDisk) -> None:
    disk.fill()


def lose_the_page(place: Place, _disk: SmallDisk) -> None:
    (static,) = place.home.glob(
        "data/releases/v1.1.0*/venv/lib/*/site-packages/opentranscribe/static"
    )
    static.rename(static.with_name("lost"))


def lose_the_search_index(place: Place, _disk: SmallDisk) -> None:
    with psycopg.connect(database_url(place), autocommit=True) as connection:
        connection.execute("DROP SCHEMA derived CASCADE")


def kill_supervisor(place: Place, _disk: SmallDisk) -> None:
    lock = json.loads((place.home / "data" / "run" / "lock").read_text())
    os.kill(lock["pid"], signal.SIGKILL)


#: What happens around it, at which line of the journal; None: to a sound release it may be either.
AROUND: dict[str, tuple[tuple[str, str], Break, str | None]] = {
    "the database dies while it is copied": (("intent", "keep"), kill_database, None),
    "the database dies while it is migrated": (("intent", "migrate"), kill_database, None),
    "the database dies while the release proves": (("intent", "prove"), kill_database, None),
    "the disk is full while it is copied": (("intent", "keep"), fill_the_disk, "1.0.0"),
    "the disk is full while it is migrated": (("done", "keep"), fill_the_disk, None),
    "the disk is full while the release proves": (("done", "start"), fill_the_disk, None),
    "the files of the page are lost": (("done", "databases"), lose_the_page, "1.0.0"),
    "the index of the search is lost": (("done", "start"), lose_the_search_index, None),
    "the supervisor dies": (("intent", "migrate"), kill_supervisor, None),
}
SAMPLE = {
    "says that all is well",
    "its migration spoils the schema",
    "the disk is full while it is copied",
}
ALL = [*OF_THE_RELEASE, *AROUND]
CHOSEN = ALL if os.environ.get("OPENTR_FAULTS") == "all" else sorted(SAMPLE)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    """For the database alone."""
    with small_disk(tmp_path_factory.mktemp("small") / "disk", megabytes=320) as made:
        yield made


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, wheels: Wheels, disk: SmallDisk
) -> Iterator[Place]:
    for made in made_place(tmp_path_factory.mktemp("faulty") / "home", wheels["first"]):
        made.run("stop")
        cluster = made.home / "data" / "postgres"
        shutil.move(cluster, disk.folder / "postgres")
        cluster.symlink_to(disk.folder / "postgres")
        started = made.run("start")
        assert started.returncode == 0, started.stdout + started.stderr
        yield made


def database_url(place: Place) -> str:
    password = (place.home / "data" / "secrets" / "postgres").read_text().strip()
    (socket,) = place.home.glob("data/run/**/.s.PGSQL.5432")
    return f"postgresql://postgres:{password}@/opentranscribe?host={quote(str(socket.parent), safe='/')}"


class TestFault:
    @pytest.mark.parametrize("fault", CHOSEN)
    def test_ends_with_an_installation_that_is_well(
        self, place: Place, visitors: Visitors, wheels: Wheels, disk: SmallDisk, fault: str
    ) -> None:
        back_to_first(place)
        visitors.acknowledged.clear()
        visitors.statuses.clear()
        environment = (place.home / ".env").read_bytes() if (place.home / ".env").exists() else b""
        with visitors.busy():
            if fault in AROUND:
                expected, seconds = self._break(place, wheels, disk, fault)
            else:
                expected, seconds = self._try(place, wheels, fault)
            time.sleep(1)
        print(f"{fault}: {place.version()} runs, well after {seconds:.0f} s,"
              f" {visitors.without_service:.1f} s without service")  # fmt: skip
        assert place.version() == (expected or place.version())
        assert place.run("db", "check").returncode == 0
        assert place.run("status").returncode == 0
        assert visitors.missing() == []
        assert len(visitors.acknowledged) > 0
        if place.version() == "1.0.0" and (place.home / ".env").exists():
            assert (place.home / ".env").read_bytes() == environment

    def _try(self, place: Place, wheels: Wheels, fault: str) -> tuple[str, float]:
        named = place.home / "fault"
        named.write_text(fault)
        try:
            done = place.run("update", "--from", str(wheels["faulty"]), "--yes")
        finally:
            named.unlink()
        expected = OF_THE_RELEASE[fault]
        assert (done.returncode == 0) == (expected != "1.0.0"), done.stdout + done.stderr
        return expected, seconds_to_health(place)

    def _break(
        self, place: Place, wheels: Wheels, disk: SmallDisk, fault: str
    ) -> tuple[str | None, float]:
        (event, step), act, expected = AROUND[fault]
        shutil.rmtree(
            next(iter(place.home.glob("data/releases/v1.1.0*")), place.home / "none"), True
        )
        process = subprocess.Popen(
            [str(place.home / "opentr.sh"), "update", "--from", str(wheels["second"]), "--yes"],
            env=place.environment,
            cwd=place.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        wait_for_event(place, event, step)
        act(place, disk)
        try:
            process.wait(400)
        finally:
            if (disk.folder / "ballast").exists():
                disk.make_room()
        wait_until_well(place)
        return expected, seconds_to_health(place)


def wait_until_well(place: Place, seconds: float = 120.0) -> None:
    """Nobody is asked to do anything for it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        fence = place.home / "data" / "update" / "fence.json"
        if not fence.exists() and place.run("status").returncode == 0:
            return
        time.sleep(0.5)
    raise AssertionError("it did not become well again")


def seconds_to_health(place: Place) -> float:
    """From the failure, as the journal has it, to the end of putting back."""
    journal = max(place.home.glob("data/update/*/journal.jsonl"))
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    at = {one["event"]: time_of(one["at"]) for one in lines}
    return at.get("end", 0.0) - at.get("failed", at.get("end", 0.0))


def time_of(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
