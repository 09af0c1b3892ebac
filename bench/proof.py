"""How long the proof of a running installation takes, probe by probe (U-14).

    MODEL_CACHE_DIR=MODELS python -m bench.proof [--runs 3]

A real installation of a release built from this checkout, with the sample recording transcribed.
The first run is the one after a start, as an update has it. MODELS has to hold the sample, the
default model and the one for sentences: a proof downloads nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.e2e.updating import Place, Wheels, call, made_place

MOST_SECONDS = 300.0


def bring_sample(place: Place, token: str) -> str:
    """The recording that comes with the product, once its transcript is there and can be found."""
    uuid = str(call(f"{place.address}/api/files/sample", token, {})["uuid"])
    until = time.monotonic() + MOST_SECONDS
    while time.monotonic() < until:
        status = call(f"{place.address}/api/files/{uuid}", token)["status"]
        if status == "completed" and _is_found(place, token, uuid):
            return uuid
        if status in {"error", "cancelled"}:
            raise SystemExit(f"the sample recording ended as {status}")
        time.sleep(0.5)
    raise SystemExit("the sample recording has no transcript yet")


def _is_found(place: Place, token: str, uuid: str) -> bool:
    query = f"{place.address}/api/search?search_mode=hybrid&file_uuid={uuid}&q=the"
    return bool(call(query, token)["results"])


def prove(place: Place) -> tuple[dict[str, Any], float]:
    """What was found, and the seconds from typing the command to its end."""
    started = time.perf_counter()
    done = place.run("prove", "--json")
    seconds = time.perf_counter() - started
    if not done.stdout.startswith("{"):
        raise SystemExit(done.stdout + done.stderr)
    return json.loads(done.stdout), seconds


def show(report: dict[str, Any], seconds: float) -> None:
    for probe in sorted(report["probes"], key=lambda one: -one["seconds"]):
        print(f"  {probe['seconds']:7.3f} s  {probe['state']:9} {probe['name']}", end="")
        print("" if probe["state"] == "passed" else f": {probe['sentence']}")
    states = [probe["state"] for probe in report["probes"]]
    print(
        f"{states.count('passed')} of {len(states)} probes passed, {states.count('not_tried')} not"
        f" tried: {report['seconds']:.1f} s, {seconds:.1f} s with the start of the command",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="opentr-proof-") as name:
        folder = Path(name)
        making = made_place(folder / "home", Wheels(folder / "wheels")["first"])
        place = next(making)
        try:
            bring_sample(place, place.sign_in())
            place.run("restart")
            for _ in range(options.runs):
                show(*prove(place))
        finally:
            for _ in making:
                pass


if __name__ == "__main__":
    main()
