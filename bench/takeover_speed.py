"""How long it takes to read a dump of the earlier system, bring it to the head, prove it, and put
it in place: ``python bench/takeover_speed.py --segments 500000`` from a checkout."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.integration.takeover.earlier import Earlier, make_earlier
from tests.upgrade.database import connect

from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres, wheel_binaries
from opentranscribe.features.takeover.service import Places, Takeover

SEGMENTS = """
INSERT INTO transcript_segment (media_file_id, speaker_id, start_time, end_time, text, words)
SELECT 1 + i % 3, 1 + i % 3, i, i + 1, 'words of a meeting that people said, number ' || i,
       jsonb_build_array(jsonb_build_object('word', 'words', 'start', i, 'end', i + 1))
FROM generate_series(1, {}) i
"""


def measure(earlier: Earlier, live_url: str, form: str, places: Places) -> str:
    dump = earlier.dump(form)
    run = Takeover(places, live_url, dump, lambda line: None)
    begun = time.monotonic()
    run.read()
    read = time.monotonic() - begun
    begun = time.monotonic()
    run.put_in_place()
    swap = time.monotonic() - begun
    size = dump.stat().st_size / 1e6
    return f"{form:7} {size:8.1f} MB  read and proved {read:6.1f} s  put in place {swap:5.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=500_000)
    segments = parser.parse_args().segments
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = EmbeddedPostgres(folder / "data", folder / "run", uuid.uuid4().hex)
        server.start(folder / "log")
        try:
            with connect(server.url("postgres")) as connection:
                connection.execute("CREATE DATABASE earlier")
                connection.execute("CREATE DATABASE live")
            earlier = make_earlier(server.url("earlier"), folder / "earlier")
            with connect(earlier.url) as connection:
                connection.execute(SEGMENTS.format(segments).encode())
            places = Places(wheel_binaries(), folder / "state", folder)
            places.state_dir.mkdir()
            for form in ("plain", "custom"):
                print(measure(earlier, server.url("live"), form, places), flush=True)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
