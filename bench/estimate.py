"""What an update says beforehand about its time and room, beside what it then took (U-16, U-26).

    python -m bench.estimate [--segments 10000 500000] [--again]

For each size a real installation of a release built from this checkout, filled, is updated to a
second one; with ``--again`` it is rolled back then and updated once more, which knows the first. While it runs, the
seconds left that everybody is shown are read ten times a second; their error is that of the whole
time which follows from them, from a tenth of the update on.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bench.backup import fill_tables
from tests.e2e.updating import Place, Wheels, made_place

from opentranscribe.features.upgrade.expectation import read_durations
from opentranscribe.features.upgrade.journal import list_journals
from opentranscribe.kit import clock
from opentranscribe.kit.update_state import read_state
from opentranscribe.work import databases

ROOM = re.compile(r"and (\d+) MB beside")
BEGIN = 0.1


@dataclass
class Watch:
    """When, and how many seconds were said to be left then."""

    state_dir: Path
    seen: list[tuple[datetime, float]] = field(default_factory=list)

    @contextmanager
    def watching(self) -> Iterator[None]:
        stop = threading.Event()
        known = read_state(self.state_dir)

        def look() -> None:
            while not stop.wait(0.1):
                state, now = read_state(self.state_dir), clock.now()
                if state and not state.has_ended and (known is None or state.id != known.id):
                    self.seen.append((now, state.progress(now)[1]))

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def worst(self, begun: datetime, seconds: float) -> float:
        """The largest error of the whole time, as a fraction of it."""
        errors = []
        for at, left in self.seen:
            gone = (at - begun).total_seconds()
            if BEGIN * seconds <= gone <= seconds:
                errors.append(abs(gone + left - seconds) / seconds)
        return max(errors, default=1.0)


def update(place: Place, wheel: Path, url: str, name: str) -> None:
    state_dir = place.home / "data" / "update"
    watch = Watch(state_dir)
    with watch.watching():
        done = place.run("update", "--from", str(wheel), "--yes")
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    journal, state = list_journals(state_dir)[-1], read_state(state_dir)
    if state is None:
        raise SystemExit("the update left no state")
    took = read_durations(journal)
    expected, actual = sum(state.predicted.values()), sum(took.values())
    with databases.administer(url) as connection:
        query = "SELECT pg_database_size(%s::name)"
        row = connection.execute(query, (databases.name_of(url),)).fetchone()
    room = int(row[0]) / 1e6 if row else 0.0
    said = float(found[1]) if (found := ROOM.search(done.stdout)) else 0.0
    begun = datetime.fromisoformat(journal.entries()[0].at)
    print(f"{name}: {expected:.1f} s expected, {actual:.1f} s taken: {_off(expected, actual)}")
    print(f"  room: {said:.0f} MB expected, {room:.0f} MB taken: {_off(said, room)}")
    print(f"  seconds left, worst error of the whole: {watch.worst(begun, actual):.0%}")
    for step, seconds in took.items():
        print(f"    {step:10} {state.predicted.get(step, 0.0):7.2f} {seconds:7.2f}")
    print("  " + json.dumps({"predicted": state.predicted, "took": took}), flush=True)


def measure(folder: Path, wheels: Wheels, segments: int, *, again: bool) -> None:
    making = made_place(folder / f"home-{segments}", wheels["first"])
    place = next(making)
    try:
        url = url_of(place)
        size = fill_tables(url, segments, has_words=False)
        print(f"{segments} segments, a database of {size / 1e6:.0f} MB")
        update(place, wheels["second"], url, "first update")
        if not again:
            return
        back = place.run("rollback", "--yes")
        if back.returncode:
            raise SystemExit(back.stdout + back.stderr)
        time.sleep(2)
        update(place, wheels["second"], url, "second update")
    finally:
        for _ in making:
            pass


def url_of(place: Place) -> str:
    """As the installation's own programs find it."""
    program = "from opentranscribe.settings import Settings; print(Settings.load().sqlalchemy_url)"
    python = place.home / "data" / "current" / "venv" / "bin" / "python"
    words = [str(python), "-c", program]
    done = subprocess.run(
        words, env=place.environment, cwd=place.home, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _off(expected: float, actual: float) -> str:
    return f"{expected / actual - 1:+.0%}" if actual else "nothing taken"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, nargs="+", default=[10_000, 500_000])
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="opentr-estimate-") as name:
        folder = Path(name)
        wheels = Wheels(folder / "wheels")
        for segments in options.segments:
            measure(folder, wheels, segments, again=options.again)


if __name__ == "__main__":
    main()
