"""Recognising a voice among very many people: seconds with the search server, and without.

    python bench/voices.py [--people 10000] [--voices 4] [--times 10]

Peers in the same run: every person's prints read from PostgreSQL and compared (what a small
installation does), and only those of the people whom OpenSearch names as nearest. Both must find
the same people.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.contract.opensearch_node import OpenSearchNode
from tests.contract.voices import MODEL, VERSION, add_user, hear, voice_of

from opentranscribe.adapters.search.everybody import Everybody
from opentranscribe.adapters.search.opensearch.server import Server
from opentranscribe.adapters.search.opensearch.voices import OpenSearchVoices
from opentranscribe.adapters.search.postgres import PostgresSearch
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.features.transcription.queries import known_prints
from opentranscribe.features.transcription.rules.voices import recognise_voices
from opentranscribe.ports.diarization import MatchBand
from opentranscribe.ports.voices import VoiceIndex, VoiceQuery
from opentranscribe.schema.migrations.runner import upgrade

BAND = MatchBand(same_at_least=0.55, perhaps_at_least=0.40)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, default=10_000)
    options.add_argument("--voices", type=int, default=4)
    options.add_argument("--times", type=int, default=10)
    wanted = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-voices-"))
    postgres = EmbeddedPostgres(folder / "data", folder / "run", "bench")
    postgres.make()
    postgres.start(folder / "log")
    node = OpenSearchNode()
    try:
        upgrade(postgres.url())
        engine = create_engine(postgres.url())
        measure(engine, OpenSearchVoices(engine, Server(node.address)), wanted)
    finally:
        node.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def measure(engine: Engine, index: OpenSearchVoices, wanted: argparse.Namespace) -> None:
    PostgresSearch(engine).ensure_schema()
    index.ensure_schema()
    owner = add_user(engine, "ann@example.org")
    for number in range(wanted.people):
        hear(engine, owner, voice_of(number), f"Person {number}")
    started = time.perf_counter()
    carried = 0
    while some := index.catch_up():
        carried += some
    seconds = time.perf_counter() - started
    print(f"{wanted.people} people, {carried} documents carried in {seconds:.1f} s", flush=True)
    everybody, found = timed(engine, Everybody(), owner, wanted)
    nearest, also_found = timed(engine, index, owner, wanted)
    assert found == also_found, "they do not find the same people"
    print(f"a recording with {wanted.voices} voices, median of {wanted.times}:")
    print(f"everybody compared   {everybody * 1000:8.1f} ms")
    print(f"the nearest compared {nearest * 1000:8.1f} ms   x {everybody / nearest:.1f}")


def timed(
    engine: Engine, index: VoiceIndex, owner: int, wanted: argparse.Namespace
) -> tuple[float, list[list[str]]]:
    """Median seconds, and who was found."""
    seconds, found = [], []
    for number in range(wanted.times):
        voices = []
        for voice in range(wanted.voices):
            heard = voice_of((number * 97 + voice * 31) % wanted.people)
            heard = heard + 0.5 * voice_of(wanted.people + voice)
            voices.append(heard / np.linalg.norm(heard))
        started = time.perf_counter()
        with Session(engine) as session:
            people = index.nearest_people(session, VoiceQuery(owner, MODEL, VERSION, tuple(voices)))
            known = known_prints(session, owner, MODEL, VERSION, people)
        same = recognise_voices({n: (one, 30.0) for n, one in enumerate(voices)}, known, BAND)
        seconds.append(time.perf_counter() - started)
        found.append([one.name for one in same.values()])
    return float(np.median(seconds)), found


if __name__ == "__main__":
    sys.exit(main())
