"""Who answers a search while the server's index is made anew, and what counts as an answer."""

from __future__ import annotations

from typing import Any

import pytest
from opensearchpy import OpenSearch
from sqlalchemy.orm import Session
from tests.contract.searching import ANN, found
from tests.contract.test_opensearch import Setting, here

from opentranscribe.adapters.search.opensearch import generations
from opentranscribe.adapters.search.opensearch.carrying import Carrier

__all__ = ["here"]


@pytest.fixture
def nothing_is_carried(here: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    here.put(1, "words")
    here.put(2, "other words")
    monkeypatch.setattr(Carrier, "carry", lambda *_about: None)


@pytest.mark.usefixtures("nothing_is_carried")
class TestWaiting:
    def test_a_recording_that_is_as_it_was_leaves_the_server_answering(self, here: Setting) -> None:
        here.put(1, "words")
        assert here.waiting() == 1
        assert sorted(here.found_by_server("words")) == [1, 2]

    def test_a_recording_that_changed_does_not(self, here: Setting) -> None:
        here.put(1, "fresh words")
        assert here.found("fresh") == [1]
        assert here.stored.asked == 1

    def test_one_that_changed_and_was_indexed_again_does_not(self, here: Setting) -> None:
        here.put(1, "fresh words")
        here.put(1, "fresh words")
        assert here.found("fresh") == [1]
        assert here.stored.asked == 1

    def test_what_a_generation_lacks_when_it_takes_over_is_not_asked_of_it(
        self, here: Setting
    ) -> None:
        here.put(1, "words")
        with here.engine.begin() as connection:
            (live,) = generations.read_generations(connection, here.prefix)
            generations.set_live(connection, live)
        assert sorted(here.found("words")) == [1, 2]
        assert here.stored.asked == 1


class TestAnswers:
    @pytest.mark.parametrize("lack", [{"timed_out": True}, {"_shards": {"failed": 1}}])
    def test_one_that_lacks_a_part_of_the_index_is_none(
        self, here: Setting, monkeypatch: pytest.MonkeyPatch, lack: dict[str, Any]
    ) -> None:
        here.put(1, "words")
        whole = OpenSearch.msearch

        def cut(client: OpenSearch, **asked: Any) -> dict[str, Any]:
            said = whole(client, **asked)
            said["responses"][0] |= lack
            return dict(said)

        assert here.found_by_server("words") == [1]
        monkeypatch.setattr(OpenSearch, "msearch", cut)
        assert here.found("words") == [1]
        assert here.stored.asked == 1

    def test_words_of_several_kinds_find_what_they_find_in_postgresql(self, here: Setting) -> None:
        here.put(1, "running quickly towards the houses")
        here.put(2, "he runs to a house")
        here.put(3, "the house stands, nobody runs")
        with Session(here.engine) as session:
            for asked in ("runs house", '"a house"', '"runs to" house', "run runs", "nobody"):
                theirs = found(here.stored, session, asked, ANN)
                here.stored.asked = 0
                assert sorted(here.found_by_server(asked)) == sorted(theirs), asked
