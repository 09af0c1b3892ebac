"""What is asked of OpenSearch alone: staying in step with PostgreSQL, whatever happens to it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from opensearchpy import OpenSearch
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session
from tests.contract.opensearch_node import OpenSearchNode
from tests.contract.searching import ANN, BOB, chunk, file, found

from opentranscribe.adapters.search.opensearch.carrying import Carrier
from opentranscribe.adapters.search.opensearch.index import OpenSearchIndex
from opentranscribe.adapters.search.opensearch.server import PAUSE_SECONDS, Server
from opentranscribe.adapters.search.postgres import PostgresSearch
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.search import SearchIndex, SearchQuery, SearchResult


class Counting(PostgresSearch):
    """The index in PostgreSQL, which says how often it was asked."""

    asked = 0

    def query(self, session: Session, query: SearchQuery) -> SearchResult:
        self.asked += 1
        return super().query(session, query)


class Setting:
    """One installation: a database, names of its own on the server."""

    def __init__(self, engine: Engine, node: OpenSearchNode) -> None:
        self.node, self.engine, self.prefix = node, engine, node.new_prefix()
        self.stored = Counting(engine)
        self.index = self.connect()
        self.index.ensure_schema()
        self.index.catch_up()
        self.client = OpenSearch([node.address], timeout=20)

    def connect(self) -> OpenSearchIndex:
        server = Server(self.node.address)
        return OpenSearchIndex(self.engine, server, stored=self.stored, prefix=self.prefix)

    def put(self, number: int, words: str, owner: int = ANN) -> None:
        with Session(self.engine) as session:
            self.index.index_file(session, file(number, chunk(0, words), owner=owner))
            session.commit()

    def remove(self, number: int) -> None:
        with Session(self.engine) as session:
            self.index.delete_file(session, number)
            session.commit()

    def found(self, words: str, owner: int = ANN) -> list[int]:
        with Session(self.engine) as session:
            return found(self.index, session, words, owner)

    def found_by_server(self, words: str) -> list[int]:
        before = self.stored.asked
        files = self.found(words)
        assert self.stored.asked == before, "PostgreSQL answered"
        return files

    def chunks(self) -> list[str]:
        """What is behind the alias."""
        alias = f"{self.prefix}transcript_chunks"
        self.client.indices.refresh(index=alias)
        hits = self.client.search(index=alias, body={"size": 100})["hits"]["hits"]
        return sorted(hit["_source"]["content"] for hit in hits)

    def waiting(self) -> int:
        with self.engine.connect() as connection:
            count: int = connection.scalar(text("SELECT count(*) FROM derived.search_outbox")) or 0
            return count

    def indexes(self) -> list[str]:
        return sorted(self.client.indices.get(index=f"{self.prefix}transcript_chunks_*"))


@pytest.fixture
def here(database_url: str, opensearch_node: OpenSearchNode) -> Iterator[Setting]:
    engine = create_engine(database_url)
    yield Setting(engine, opensearch_node)
    engine.dispose()


@contextmanager
def frozen(node: OpenSearchNode) -> Iterator[None]:
    node.freeze()
    try:
        yield
    finally:
        node.thaw()


def catch_up(index: SearchIndex, at_least: int) -> None:
    until = time.monotonic() + 30
    carried = 0
    while carried < at_least:
        assert time.monotonic() < until, "what waited was not carried"
        carried += index.catch_up()
        time.sleep(0.2)


class TestStep:
    def test_what_is_rolled_back_never_arrives(self, here: Setting) -> None:
        here.put(1, "kept words")
        with Session(here.engine) as session:
            here.index.index_file(session, file(1, chunk(0, "dropped words")))
            session.rollback()
            here.index.index_file(session, file(2, chunk(0, "kept too")))
            session.commit()
        assert here.found_by_server("kept") == [1, 2]
        assert here.chunks() == ["kept too", "kept words"]

    def test_a_shorter_transcript_leaves_nothing_of_the_longer(self, here: Setting) -> None:
        with Session(here.engine) as session:
            here.index.index_file(session, file(1, chunk(0, "a b"), chunk(1, "c d")))
            session.commit()
        here.put(1, "a b")
        assert here.chunks() == ["a b"]
        here.remove(1)
        assert here.chunks() == []

    @pytest.mark.parametrize("broken", ["write", "forget_chunks"])
    def test_an_attempt_that_broke_off_leaves_nothing_behind(
        self, here: Setting, monkeypatch: pytest.MonkeyPatch, broken: str
    ) -> None:
        with Session(here.engine) as session:
            here.index.index_file(session, file(1, chunk(0, "a b"), chunk(1, "c d")))
            here.index.index_file(session, file(2, chunk(0, "e f"), chunk(1, "g h")))
            session.commit()

        def fail(*_about: object, **_more: object) -> None:
            raise UnavailableError("The search server does not answer.")

        with monkeypatch.context() as patched:
            patched.setattr(Server, broken, fail)
            here.put(1, "a b")
            here.remove(2)
        assert here.waiting() == 2
        assert here.index.catch_up() == 2
        assert here.chunks() == ["a b"]

    def test_a_recording_that_the_server_refuses_holds_up_no_other(
        self, here: Setting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Carrier, "_after_commit", lambda *_about: None)
        here.put(1, "refused words")
        here.put(2, "other words", owner=BOB)
        whole = Server.write

        def spoil(server: Server, actions: Iterable[Mapping[str, Any]]) -> None:
            wrong = {"owner_id": "not a number"}
            spoilt = [
                {**one, "_source": one["_source"] | wrong} if one["_id"] == "1" else one
                for one in actions
            ]
            whole(server, spoilt)

        monkeypatch.setattr(Server, "write", spoil)
        assert here.index.catch_up() == 1
        assert here.waiting() == 1
        assert here.chunks() == ["other words"]
        assert here.found("refused") == [1], "PostgreSQL answers who is behind"

    def test_an_older_state_that_arrives_late_does_not_win(self, here: Setting) -> None:
        here.put(1, "new words")
        (name,) = here.indexes()
        late = {"file_id": 1, "owner_id": ANN, "content": "old words", "version": 0}
        with pytest.raises(Exception, match="version_conflict"):
            here.client.index(
                index=name,
                id="1-0",
                body=late,
                params={"version": 0, "version_type": "external_gte"},
            )
        assert here.chunks() == ["new words"]

    def test_a_change_is_found_before_the_server_knows_of_it(self, here: Setting) -> None:
        with Session(here.engine) as session:
            here.index.index_file(session, file(1, chunk(0, "fresh words")))
            assert found(here.index, session, "fresh") == [1]
            assert here.stored.asked == 1
            session.commit()
        assert here.found_by_server("fresh") == [1]


class TestOutage:
    def test_postgresql_answers_and_the_server_catches_up(self, here: Setting) -> None:
        here.put(1, "words from before", owner=ANN)
        here.put(2, "words of another", owner=BOB)
        with frozen(here.node):
            started = time.monotonic()
            assert here.found("before") == [1]
            assert time.monotonic() - started < 5
            started = time.monotonic()
            here.put(1, "words of meanwhile")
            here.remove(2)
            assert here.found("meanwhile") == [1]
            assert here.found("another", owner=BOB) == []
            assert time.monotonic() - started < 2, "a server known to be away is asked again"
            assert here.waiting() == 2
        time.sleep(PAUSE_SECONDS)
        catch_up(here.index, at_least=2)
        assert here.chunks() == ["words of meanwhile"]
        assert here.found_by_server("meanwhile") == [1]

    def test_a_server_that_lost_everything_is_filled_again(self, here: Setting) -> None:
        here.put(1, "first words")
        here.put(2, "second words")
        here.client.indices.delete(index=f"{here.prefix}*")
        assert sorted(here.found("words")) == [1, 2]
        catch_up(here.index, at_least=2)
        here.index.catch_up()
        assert sorted(here.found_by_server("words")) == [1, 2]

    def test_a_server_with_recordings_of_another_database_is_filled_anew(
        self, here: Setting
    ) -> None:
        here.put(1, "words of another time")
        with here.engine.begin() as connection:
            connection.execute(text("DROP SCHEMA derived CASCADE"))
        here.index = here.connect()
        here.index.ensure_schema()
        here.put(2, "words of now")
        here.index.catch_up()
        assert here.found_by_server("words") == [2]
        assert here.chunks() == ["words of now"]


class TestRebuilding:
    def test_searches_and_changes_go_on_and_one_step_ends_it(self, here: Setting) -> None:
        here.put(1, "first words")
        here.put(2, "second words")
        (before,) = here.indexes()
        with here.index.rebuilding():
            here.put(1, "first words")
            assert here.found_by_server("words") == [1, 2]
            here.put(3, "third words")
            here.remove(2)
            assert here.found_by_server("words") == [1, 3]
        after = here.client.indices.get_alias(name=f"{here.prefix}transcript_chunks")
        assert list(after) != [before]
        assert here.indexes() == sorted([before, *after]), "the old one is kept"
        assert here.found_by_server("words") == [1, 3]
        assert here.chunks() == ["first words", "third words"]

    def test_only_one_old_generation_is_kept(self, here: Setting) -> None:
        here.put(1, "words")
        for _ in range(3):
            with here.index.rebuilding():
                here.put(1, "words")
        assert len(here.indexes()) == 2
        assert here.found_by_server("words") == [1]

    def test_one_that_fails_leaves_what_was(self, here: Setting) -> None:
        here.put(1, "words")
        before = here.indexes()
        with pytest.raises(ZeroDivisionError), here.index.rebuilding():
            raise ZeroDivisionError
        assert here.indexes() == before
        assert here.found_by_server("words") == [1]

    def test_an_index_of_another_program_is_left_alone(
        self, database_url: str, opensearch_node: OpenSearchNode
    ) -> None:
        engine = create_engine(database_url)
        client = OpenSearch([opensearch_node.address], timeout=20)
        prefix = opensearch_node.new_prefix()
        foreign = f"{prefix}transcript_chunks"
        client.index(index=foreign, id="1", body={"mine": True}, params={"refresh": "true"})
        index = OpenSearchIndex(
            engine, Server(opensearch_node.address), stored=Counting(engine), prefix=prefix
        )
        index.ensure_schema()
        index.catch_up()
        assert client.count(index=foreign)["count"] == 1
        with Session(engine) as session:
            index.index_file(session, file(1, chunk(0, "words")))
            session.commit()
            assert found(index, session, "words") == [1]
        engine.dispose()


class TestManyMatches:
    def test_files_beyond_those_ranked_are_counted_and_paged(
        self, here: Setting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("opentranscribe.adapters.search.opensearch.asking.BEST", 3)
        for number in range(1, 8):
            here.put(number, "same words")
        with Session(here.engine) as session:
            pages = [
                here.index.query(session, SearchQuery("same", ANN, page=page, page_size=2))
                for page in (1, 2, 3, 4)
            ]
        assert sorted(hit.file_id for page in pages for hit in page.hits) == list(range(1, 8))
        assert {(page.total_files, page.total_occurrences) for page in pages} == {(7, 7)}
        assert here.stored.asked == 0
