"""Time from an empty database to the head of the schema, and of the check at start after it.

    python bench/fresh_install.py [--runs 5]

On a PostgreSQL of its own with its ordinary settings (fsync on).
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
import uuid
from pathlib import Path

from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.schema.migrations.state import open_connection


def measure(server: EmbeddedPostgres, name: str) -> tuple[float, float]:
    """Seconds of the fresh install, then of an upgrade that finds nothing to do."""
    with open_connection(server.url("postgres")) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    started = time.perf_counter()
    upgrade(server.url(name))
    between = time.perf_counter()
    upgrade(server.url(name))
    return between - started, time.perf_counter() - between


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    folder = Path(tempfile.mkdtemp(prefix="opentr-bench-"))
    server = EmbeddedPostgres(folder / "data", folder / "run", uuid.uuid4().hex)
    server.start(folder / "log")
    try:
        results = [measure(server, f"fresh_{number}") for number in range(runs)]
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    fresh, again = zip(*results, strict=True)
    print(f"fresh install: median {statistics.median(fresh):.2f} s, worst {max(fresh):.2f} s")
    print(f"at the head:   median {statistics.median(again) * 1000:.0f} ms")
    print(f"runs: {runs}; goals: 3 s and 50 ms")


if __name__ == "__main__":
    main()
