"""How long readers and writers stand still while the schema goes from the first revision to the head,
on a table of segments as long as asked (U-8).

    python bench/schema_stall.py [--segments 500000]

A server of its own; one reader and one writer ask 50 times a second, each on a connection of its
own; printed are the longest and the 99th percentile of their answers, idle and during the upgrade.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.schema.migrations.state import open_connection

START = "v010_baseline"
FILES = 1000
FILL = """
INSERT INTO "user" (email, hashed_password, full_name) VALUES ('ann@example.org', 'x', 'Ann');
INSERT INTO media_file (user_id, filename, storage_path, file_size, content_type, status)
SELECT 1, 'talk ' || n, 'talks/' || n, 1000000, 'audio/wav', 'completed'
FROM generate_series(1, {files}) AS n;
INSERT INTO speaker (user_id, media_file_id, name)
SELECT 1, 1 + n % {files}, 'SPEAKER_' || n / {files} FROM generate_series(0, {files} * 5 - 1) AS n;
INSERT INTO transcript_segment (media_file_id, speaker_id, start_time, end_time, text)
SELECT 1 + n % {files}, 1 + n % ({files} * 5), n / {files} * 4.5, n / {files} * 4.5 + 4,
       'Segment ' || n || ': ' || repeat(md5(n::text) || ' ', 4)
FROM generate_series(0, {segments} - 1) AS n;
"""
READ = (
    "SELECT id, text FROM transcript_segment WHERE media_file_id = {n} ORDER BY start_time LIMIT 50"
)
WRITE = "UPDATE transcript_segment SET text = text || '.' WHERE id = {n}"


@dataclass
class Probe:
    """Asks 50 times a second and notes how long each answer took."""

    url: str
    statement: str
    stop: threading.Event = field(default_factory=threading.Event)
    waits: list[float] = field(default_factory=list)
    errors: int = 0

    def run(self) -> None:
        with open_connection(self.url, purpose="probe") as connection:
            number = 0
            while not self.stop.is_set():
                number += 1
                started = time.monotonic()
                try:
                    connection.execute(self.statement.format(n=1 + number * 37 % FILES).encode())
                except Exception as error:  # noqa: BLE001 - counted, and shown
                    print("probe:", error)
                    self.errors += 1
                taken = time.monotonic() - started
                self.waits.append(taken)
                time.sleep(max(0.0, 0.02 - taken))

    def describe(self) -> str:
        waits = sorted(self.waits)
        return (
            f"{len(waits)} answers, p50 {waits[len(waits) // 2] * 1000:.1f} ms,"
            f" p99 {waits[int(len(waits) * 0.99)] * 1000:.1f} ms,"
            f" longest {waits[-1] * 1000:.1f} ms, {self.errors} errors"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=500_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="opentr-stall-") as folder:
        server = EmbeddedPostgres(Path(folder) / "data", Path(folder) / "run", uuid.uuid4().hex)
        server.start()
        try:
            measure(server.url(), options.segments)
        finally:
            server.stop()


def measure(url: str, segments: int) -> None:
    upgrade(url, target=START)
    with open_connection(url) as connection:
        connection.execute(FILL.format(files=FILES, segments=segments).encode())
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
        size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    print(f"{segments} segments, {size[0] / 1e6 if size else 0:.0f} MB")
    watch(url, "idle", lambda: time.sleep(5))
    slow: list[str] = []

    def run() -> None:
        before = time.monotonic()

        def note(line: str) -> None:
            nonlocal before
            if time.monotonic() - before > 0.1:
                slow.append(line)
            before = time.monotonic()

        done = upgrade(url, report=note)
        print(f"upgrade: {len(done.applied)} revisions in {done.seconds:.1f} s")
        print(f"rows not the same: {[str(p) for p in done.proofs if not p.holds]}")

    watch(url, "upgrade", run)
    print("slow steps:", "; ".join(slow))


def watch(url: str, name: str, work: Callable[[], None]) -> None:
    probes = {"reads": Probe(url, READ), "writes": Probe(url, WRITE)}
    threads = [threading.Thread(target=probe.run) for probe in probes.values()]
    for thread in threads:
        thread.start()
    work()
    for probe in probes.values():
        probe.stop.set()
    for thread in threads:
        thread.join()
    for kind, probe in probes.items():
        print(f"{name} {kind}: {probe.describe()}")


if __name__ == "__main__":
    main()
