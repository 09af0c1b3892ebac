"""One running installation: updated under load, a failing update put back, rolled back, updated.

Two real releases are built from this checkout. People keep writing all the time; what was
acknowledged must never be missing.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from tests.e2e.updating import (
    Place,
    Visitors,
    Wheels,
    back_to_first,
    place,
    visitors,
    wait_for_event,
    wait_until_served,
    wheels,
)

__all__ = ["place", "visitors", "wheels"]


class TestUpdating:
    """In this order: each test leaves the installation to the next."""

    def test_goes_forth_under_load(self, place: Place, visitors: Visitors, wheels: Wheels) -> None:
        with visitors.busy():
            done = place.run("update", "--from", str(wheels["second"]), "--yes")
            time.sleep(1)
        assert done.returncode == 0, done.stdout + done.stderr
        assert place.version() == "1.1.0"
        assert (place.home / "VERSION").read_text().strip() == "v1.1.0"
        assert visitors.statuses.keys() <= {201, 503}
        assert visitors.read_statuses.keys() <= {200, 503}
        assert visitors.missing() == []

    def test_a_failing_update_is_put_back_by_itself(
        self, place: Place, visitors: Visitors, wheels: Wheels
    ) -> None:
        with visitors.busy():
            done = place.run("update", "--from", str(wheels["does not start"]), "--yes")
            time.sleep(1)
        assert done.returncode != 0
        assert "put back" in done.stdout + done.stderr
        assert place.version() == "1.1.0"
        assert place.run("status").returncode == 0
        assert visitors.statuses.keys() <= {201, 503}
        assert visitors.read_statuses.keys() <= {200, 503}
        assert visitors.missing() == []
        assert place.run("db", "check").returncode == 0

    def test_what_the_rehearsal_finds_stops_nothing(
        self, place: Place, visitors: Visitors, wheels: Wheels
    ) -> None:
        visitors.statuses.clear()
        with visitors.busy():
            done = place.run("update", "--from", str(wheels["cannot migrate"]), "--yes")
        assert done.returncode != 0
        assert "rehearsal failed" in done.stdout
        assert visitors.statuses.keys() == {201}
        assert place.version() == "1.1.0"

    def test_rolls_back_on_request_and_keeps_what_was_written_since(
        self, place: Place, visitors: Visitors
    ) -> None:
        done = place.run("rollback", "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert place.version() == "1.0.0"
        assert (place.home / "VERSION").read_text().strip() == "v1.0.0"
        (listed,) = place.home.glob("data/update/*/written-since.json")
        content = json.loads(listed.read_text())
        gone = visitors.missing()
        assert content["rows_more_or_less"]["custom_vocabulary"] == len(gone)
        assert Path(content["backup"]).exists()
        visitors.acknowledged = [one for one in visitors.acknowledged if one not in set(gone)]

    def test_goes_forth_again(self, place: Place, visitors: Visitors, wheels: Wheels) -> None:
        done = place.run("update", "--from", str(wheels["second"]), "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert place.version() == "1.1.0"
        assert visitors.missing() == []


#: Where the update is killed, and the version that must come up afterwards, by itself.
DEATHS = {
    "fence": ("intent", "1.0.0"),
    "pause": ("done", "1.0.0"),
    "keep": ("intent", "1.0.0"),
    "migrate": ("done", "1.0.0"),
    "stop": ("done", "1.0.0"),
    "databases": ("done", "1.0.0"),
    "files": ("intent", "1.0.0"),
    "switch": ("done", "1.0.0"),
    "start": ("done", "1.0.0"),
    "prove": ("intent", "1.0.0"),
    "": ("commit", "1.1.0"),
}
#: All of them with OPENTR_TEST_UPDATE_DEATHS=all; each takes about half a minute.
SAMPLE = ("keep", "databases", "prove", "")


class TestKilledUpdate:
    @pytest.mark.parametrize(
        "step", DEATHS if os.environ.get("OPENTR_TEST_UPDATE_DEATHS") == "all" else SAMPLE
    )
    def test_the_next_start_finishes_or_undoes_it(
        self, place: Place, visitors: Visitors, wheels: Wheels, step: str
    ) -> None:
        back_to_first(place)
        event, expected = DEATHS[step]
        visitors.acknowledged = []
        with visitors.busy():
            process = subprocess.Popen(
                [str(place.home / "opentr.sh"), "update", "--from", str(wheels["second"]), "--yes"],
                env=place.environment,
                cwd=place.home,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            wait_for_event(place, event, step)
            process.kill()
            process.wait()
            started = place.run("start")
            wait_until_served(place)
        assert started.returncode == 0, started.stdout + started.stderr
        assert place.version() == expected
        assert place.run("db", "check").returncode == 0
        assert visitors.missing() == []
        assert (place.home / "VERSION").read_text().strip() == f"v{expected}"
