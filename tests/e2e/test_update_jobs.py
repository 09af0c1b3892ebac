"""An update while recordings wait and are worked on: each is done, and done once.

Eight of them each time, fifty with OPENTR_UPDATE_JOBS=50.
"""

from __future__ import annotations

import io
import os
import time
import wave
from pathlib import Path

import psycopg
from tests.containers.stack import Visitor
from tests.e2e.test_update_faults import database_url
from tests.e2e.updating import Place, Wheels, place, wheels
from tests.integration.supervisor.conftest import models

from opentranscribe.adapters.models.store import CachedModelStore

__all__ = ["models", "place", "wheels"]

COUNT = int(os.environ.get("OPENTR_UPDATE_JOBS", "8"))
PIECE_SECONDS = 2.0


def pieces(models: Path, count: int) -> list[bytes]:
    """Different recordings of speech, each a WAV file of a moment."""
    sample = CachedModelStore(models).find("sample-conversation")
    assert sample is not None
    with wave.open(str(sample / "sample.wav")) as whole:
        rate, frames = whole.getframerate(), whole.readframes(whole.getnframes())
        layout = whole.getparams()
    made = []
    for number in range(count):
        begin = 2 * int(rate * 0.4 * number) % (len(frames) - 2 * int(rate * PIECE_SECONDS))
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as piece:
            piece.setparams(layout)
            piece.writeframes(frames[begin : begin + 2 * int(rate * PIECE_SECONDS)])
        made.append(buffer.getvalue())
    return made


class TestUpdateWhileJobsWait:
    def test_each_is_done_once(self, place: Place, wheels: Wheels, models: Path) -> None:
        wheel = wheels["second"]
        visitor = Visitor(place.address)
        uploaded = [visitor.upload(piece) for piece in pieces(models, COUNT)]
        done = place.run("update", "--from", str(wheel), "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert place.version() == "1.1.0"
        for file_uuid in uploaded:
            found = visitor.wait_until_done(file_uuid)
            assert found["status"] == "completed", found
        with psycopg.connect(database_url(place)) as connection:
            until = time.monotonic() + 60
            while (
                self.count(connection, "status NOT IN ('succeeded')") and time.monotonic() < until
            ):
                time.sleep(0.5)
            assert self.count(connection, "kind = 'transcription.process'") == COUNT
            assert self.count(connection, "status <> 'succeeded'") == 0
            doubled = connection.execute(
                "SELECT count(*) FROM (SELECT media_file_id, start_time FROM transcript_segment"
                " GROUP BY 1, 2 HAVING count(*) > 1) AS twice"
            ).fetchone()
        assert doubled == (0,)

    def count(self, connection: psycopg.Connection[tuple[int]], condition: str) -> int:
        query = f"SELECT count(*) FROM job WHERE {condition}"
        found = connection.execute(query.encode()).fetchone()
        connection.rollback()
        assert found is not None
        return found[0]
