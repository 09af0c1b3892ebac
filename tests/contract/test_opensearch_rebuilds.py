"""A rebuild that is cut off is taken up again, and none begins that the server has no room for."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from tests.contract.searching import ANN, found
from tests.contract.test_opensearch import Setting, here

from opentranscribe.adapters.search.opensearch import generations
from opentranscribe.adapters.search.opensearch.server import Server
from opentranscribe.adapters.search.postgres import PostgresSearch
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.progress import Cancelled
from opentranscribe.ports.search import SearchQuery

__all__ = ["here"]

#: A worker that has brought the first recording when it is killed.
WORKER = """
import sys, time
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from tests.contract.searching import chunk, file
from opentranscribe.adapters.search.opensearch.index import OpenSearchIndex
from opentranscribe.adapters.search.opensearch.server import Server
from opentranscribe.adapters.search.postgres import PostgresSearch

url, address, prefix = sys.argv[1:]
engine = create_engine(url)
index = OpenSearchIndex(engine, Server(address), stored=PostgresSearch(engine), prefix=prefix)
with index.rebuilding() as done:
    assert not done
    with Session(engine) as session:
        index.index_file(session, file(1, chunk(0, "first words")))
        session.commit()
    while index.catch_up():
        pass
    print("brought", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def filled(here: Setting) -> Setting:
    here.put(1, "first words")
    here.put(2, "second words")
    return here


def building(here: Setting) -> list[str]:
    with here.engine.begin() as connection:
        known = generations.read_generations(connection, here.prefix)
    return [one.chunks for one in known if one.state == "building"]


def cut_off(here: Setting, database_url: str) -> None:
    """By kill -9, once one of two recordings is there."""
    words = [sys.executable, "-c", WORKER, database_url, here.node.address, here.prefix]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        until = time.monotonic() + 60
        while "brought" not in worker.stdout.readline():
            assert worker.poll() is None
            assert time.monotonic() < until
        here.client.indices.refresh(index=f"{building(here)[0]},{here.prefix}transcripts_*")
        worker.send_signal(signal.SIGKILL)


class TestCutOff:
    def test_it_goes_on_where_it_was_and_takes_the_place_of_the_old_one(
        self, filled: Setting, database_url: str
    ) -> None:
        cut_off(filled, database_url)
        (begun,) = building(filled)
        assert filled.found_by_server("words") == [1, 2]
        with filled.index.rebuilding() as done:
            assert set(done) == {1}
            filled.put(2, "second words")
        assert list(filled.client.indices.get_alias(name=f"{filled.prefix}transcript_chunks")) == [
            begun
        ]
        assert building(filled) == []
        assert filled.found_by_server("words") == [1, 2]

    def test_what_changes_before_it_goes_on_is_in_it(
        self, filled: Setting, database_url: str
    ) -> None:
        cut_off(filled, database_url)
        filled.put(1, "changed words")
        with filled.index.rebuilding():
            filled.put(2, "second words")
        assert filled.chunks() == ["changed words", "second words"]

    def test_one_of_another_release_is_begun_anew(
        self, filled: Setting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(Cancelled), filled.index.rebuilding():
            raise Cancelled
        assert len(building(filled)) == 1
        monkeypatch.setattr(generations, "shape", lambda: "another")
        with filled.index.rebuilding() as done:
            assert set(done) == set()
            filled.put(1, "first words")
            filled.put(2, "second words")
        assert len(filled.indexes()) == 2


class TestRoom:
    def test_is_looked_for_before_anything_is_done(
        self, filled: Setting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = filled.indexes()
        monkeypatch.setattr(Server, "free_bytes", lambda _self: 1000)
        with (
            pytest.raises(UnavailableError, match="Nothing was changed"),
            filled.index.rebuilding(),
        ):
            pytest.fail("it began")
        assert filled.indexes() == before

    def test_is_what_the_server_says(self, filled: Setting) -> None:
        server = Server(filled.node.address)
        assert server.free_bytes() > 1_000_000
        assert server.size_of(filled.indexes()) > 1000


class TestPostgreSQLsIndex:
    """A rebuild looks at it, too, and writes what is not as it should be."""

    def stamp(self, here: Setting) -> list[str]:
        """Changes with every row that is written."""
        with here.engine.begin() as connection:
            return list(connection.scalars(text("SELECT xmin::text FROM derived.search_file")))

    def test_what_is_as_it_was_is_not_written_again(self, filled: Setting) -> None:
        before = self.stamp(filled)
        with filled.index.rebuilding():
            filled.put(1, "first words")
            filled.put(2, "second words")
        assert self.stamp(filled) == before
        assert filled.found_by_server("words") == [1, 2]

    @pytest.mark.parametrize(
        "damage",
        [
            "DELETE FROM derived.search_posting WHERE file_id = 2",
            "UPDATE derived.search_posting SET places = '' WHERE file_id = 2",
            "UPDATE derived.search_chunk SET body = 'other words' WHERE file_id = 2",
            "DELETE FROM derived.search_chunk WHERE file_id = 2",
        ],
    )
    def test_what_was_lost_there_is_written_again(self, filled: Setting, damage: str) -> None:
        with filled.engine.begin() as connection:
            connection.execute(text(damage))
        with filled.index.rebuilding():
            filled.put(1, "first words")
            filled.put(2, "second words")
        with Session(filled.engine) as session:
            assert found(PostgresSearch(filled.engine), session, "second") == [2]
            hits = PostgresSearch(filled.engine).query(session, SearchQuery("second", ANN)).hits
        assert "<mark>second</mark> words" in hits[0].occurrences[0].snippet_html
