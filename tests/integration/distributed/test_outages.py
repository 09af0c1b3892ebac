"""Whichever machine dies, is paused or cut off: nothing lost, nothing doubled, nobody lied to.

``OPENTR_OUTAGE_SECONDS`` and ``OPENTR_OUTAGE_ROUNDS`` make it longer; ``OPENTR_OUTAGES`` names the
file that what was measured is added to.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from tests.contract.opensearch_node import NoOpenSearchError
from tests.integration.distributed.machines import (
    Machines,
    ReachablePostgres,
    make_machines,
)
from tests.integration.distributed.network import Network, NoNetworkError
from tests.integration.distributed.traffic import Traffic

from opentranscribe.bootstrap import build_app
from opentranscribe.features.accounts.service import AccountService
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.settings import Settings
from opentranscribe.work import SYSTEM

SECONDS = float(os.environ.get("OPENTR_OUTAGE_SECONDS", "10"))
ROUNDS = int(os.environ.get("OPENTR_OUTAGE_ROUNDS", "1"))
#: Not the figure, which is printed: a bound for machines that are busy with other things.
LONGEST_RECOVERY = 180.0
EMAIL, PASSWORD = "ann@example.org", "correct zebra staple battery"
CASES = [
    pytest.param(how, what, id=f"{what} {how}")
    for what in ("worker1", "backend1", "redis", "opensearch", "objects")
    for how in ("killed", "paused", "cut off")
] * ROUNDS
#: Each recording with its jobs that transcribe, how they ended, and its segments.
RECORDINGS = """
SELECT f.uuid::text, f.status,
       (SELECT array_agg(j.status) FROM job j
        WHERE j.media_file_id = f.id AND j.kind = 'transcription.process'),
       (SELECT count(*) FROM transcript_segment s WHERE s.media_file_id = f.id),
       (SELECT count(DISTINCT s.start_time) FROM transcript_segment s WHERE s.media_file_id = f.id)
FROM media_file f
"""


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    home = tmp_path_factory.mktemp("distributed") / "home"
    home.mkdir()
    postgres = ReachablePostgres(home.parent / "pg", home.parent / "run", uuid.uuid4().hex)
    made: Machines | None = None
    try:
        with Network() as network:
            postgres.make()
            postgres.start(home.parent / "pg.log")
            upgrade(postgres.url("postgres"))
            made = make_machines(network, home, postgres)
            made.start()
            try:
                yield made
            finally:
                made.stop()
    except (NoNetworkError, NoOpenSearchError) as reason:
        pytest.skip(f"SKIPPED, outages were NOT tried: {reason}")
    finally:
        postgres.stop()


@pytest.fixture(scope="module")
def token(machines: Machines) -> str:
    engines = {"objects_engine": "memory", "notices_engine": "memory", "search_engine": "memory"}
    settings = Settings.load(
        machines.home, database_url=machines.database, queue_engine="inline", **engines
    )
    app = build_app(settings)
    with app.work(SYSTEM) as work:
        AccountService(work).create(EMAIL, PASSWORD)
    app.close()
    form = {"username": EMAIL, "password": PASSWORD}
    answer = httpx.post(f"{machines.backends[0]}/api/auth/token", data=form, timeout=60)
    return str(answer.json()["access_token"])


@pytest.fixture
def traffic(machines: Machines, token: str, test_data: Path) -> Traffic:
    number = next(NUMBERS)
    return Traffic(
        machines.backends, token, test_data / "audio" / "LJ001-0002.wav", _number=1000 * number
    )


NUMBERS = itertools.count()


def recordings(machines: Machines) -> list[tuple[Any, ...]]:
    with psycopg.connect(machines.database) as connection:
        return connection.execute(RECORDINGS).fetchall()


def holder_of_a_job(machines: Machines, seconds: float = 5.0) -> str | None:
    """The worker that is at a recording right now."""
    until = time.monotonic() + seconds
    query = "SELECT lease_owner FROM job WHERE status = 'running' AND kind LIKE 'transcription.%'"
    with psycopg.connect(machines.database, autocommit=True) as connection:
        while time.monotonic() < until:
            for (owner,) in connection.execute(query).fetchall():
                for name in ("worker1", "worker2", "worker3"):
                    if f":{machines[name].pid()}/" in owner:
                        return name
            time.sleep(0.02)
    return None


def wait_for_an_upload(traffic: Traffic, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not traffic.acknowledged:
        assert time.monotonic() < until, traffic.answers
        time.sleep(0.1)


def suffer(machines: Machines, name: str, how: str) -> None:
    """Out of reach for SECONDS, and back."""
    machine = machines[name]
    if how == "killed":
        machine.kill()
        time.sleep(SECONDS)
        machine.start()
    elif how == "paused":
        os.kill(machine.pid(), signal.SIGSTOP)
        time.sleep(SECONDS)
        os.kill(machine.pid(), signal.SIGCONT)
    else:
        machines.network.cut_off(machine.host)
        time.sleep(SECONDS)
        machines.network.join(machine.host)


def what_is_left(machines: Machines, traffic: Traffic) -> str:
    """Empty when everything that was uploaded is transcribed and found everywhere."""
    rows = recordings(machines)
    waiting = [row for row in rows if row[1] != "completed" or "running" in (row[2] or ())]
    if waiting:
        return f"not transcribed: {waiting}"
    asked = {"q": "this", "search_mode": "keyword"}
    headers = {"Authorization": f"Bearer {traffic.token}"}
    try:
        for backend in machines.backends:
            answer = httpx.get(f"{backend}/api/search", params=asked, headers=headers, timeout=5)
            if answer.status_code != 200 or answer.json()["total_files"] != len(rows):
                return f"{backend} finds not {len(rows)} but: {answer.text[:200]}"
        counted = httpx.get(f"{machines.opensearch.address}/transcripts/_count", timeout=5)
        if counted.status_code != 200 or counted.json()["count"] < len(rows):
            return f"indexed are not {len(rows)} but: {counted.text[:200]}"
    except httpx.HTTPError as error:
        return f"no answer: {error!r}"
    return ""


def wait_for_recovery(machines: Machines, traffic: Traffic) -> float:
    begun = time.monotonic()
    while left := what_is_left(machines, traffic):
        assert time.monotonic() - begun < LONGEST_RECOVERY, left
        time.sleep(0.25)
    return time.monotonic() - begun


@pytest.mark.parametrize(("how", "what"), CASES)
def test_nothing_is_lost_or_doubled(
    machines: Machines, traffic: Traffic, how: str, what: str
) -> None:
    with traffic.busy():
        wait_for_an_upload(traffic)
        victim = (holder_of_a_job(machines) or what) if what == "worker1" else what
        suffer(machines, victim, how)
    took = wait_for_recovery(machines, traffic)
    record(f"{what} {how}: {len(traffic.acknowledged)} recordings, all done {took:.1f} s after")
    rows = {row[0]: row for row in recordings(machines)}
    assert traffic.acknowledged <= set(rows)
    for file_uuid, status, jobs, segments, distinct in rows.values():
        assert (status, jobs) == ("completed", ["succeeded"]), file_uuid
        assert segments == distinct > 0, file_uuid
    spared = machines[victim].host.address if victim.startswith("backend") else ""
    not_from = f"http://{spared}:5174" if spared else ""
    assert traffic.unfair(not_from=not_from) == []


def record(line: str) -> None:
    print(line)
    if "OPENTR_OUTAGES" in os.environ:
        with Path(os.environ["OPENTR_OUTAGES"]).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
