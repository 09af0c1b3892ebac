"""What every search index must count of what it found."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy.orm import Session
from tests.contract.searching import ANN, BOB, DAY, chunk, file, found

from opentranscribe.ports.search import SearchIndex, SearchQuery


def counted(
    index: SearchIndex, session: Session, words: str, **how: object
) -> tuple[dict[str, int], dict[str, int]]:
    """The facets of speakers and of languages."""
    query = SearchQuery(text=words, file_ids_of=ANN, with_facets=True, **how)  # type: ignore[arg-type]
    facets = index.query(session, query).facets
    assert facets is not None
    speakers, languages = facets.speakers, facets.languages
    return {one.value: one.files for one in speakers}, {one.value: one.files for one in languages}


class TestFacets:
    @pytest.fixture
    def talks(self, index: SearchIndex, session: Session) -> SearchIndex:
        """Three of Ann's talk of the budget, one has it in its title only; Bob's are his own."""
        both = (chunk(0, "budget talk", "Ann"), chunk(1, "more budget", "Bob"))
        index.index_file(session, file(1, *both, chunk(2, "budget again", "Bob")))
        index.index_file(session, file(2, chunk(0, "budget", "Bob"), chunk(1, "lunch", "Eve")))
        german = {"language": "de", "title": "Besuch"}
        index.index_file(session, file(3, chunk(0, "budget", "Ann Lee"), **german))
        index.index_file(session, file(4, chunk(0, "a walk", "Eve"), title="Budget day"))
        index.index_file(session, file(5, chunk(0, "budget", "Zoe"), owner=BOB))
        return index

    def test_are_not_counted_unasked(self, talks: SearchIndex, session: Session) -> None:
        assert talks.query(session, SearchQuery("budget", ANN)).facets is None

    def test_say_in_how_many_files_who_says_it_and_in_which_language(
        self, talks: SearchIndex, session: Session
    ) -> None:
        assert counted(talks, session, "budget") == (
            {"Bob": 2, "Ann": 1, "Ann Lee": 1},
            {"en": 3, "de": 1},
        )

    def test_most_files_come_first(self, talks: SearchIndex, session: Session) -> None:
        speakers, _ = counted(talks, session, "budget")
        assert list(speakers) == ["Bob", "Ann", "Ann Lee"]

    def test_narrow_each_other_but_not_themselves(
        self, talks: SearchIndex, session: Session
    ) -> None:
        assert counted(talks, session, "budget", speakers=("bob",)) == (
            {"Bob": 2, "Ann": 1, "Ann Lee": 1},
            {"en": 2},
        )
        assert counted(talks, session, "budget", languages=("de",)) == (
            {"Ann Lee": 1},
            {"en": 3, "de": 1},
        )

    def test_obey_every_other_filter(self, talks: SearchIndex, session: Session) -> None:
        assert counted(talks, session, "budget", file_id=2) == ({"Bob": 1}, {"en": 1})
        assert counted(talks, session, "budget", date_from=DAY + timedelta(days=1)) == ({}, {})

    def test_are_empty_where_nothing_is_found(self, talks: SearchIndex, session: Session) -> None:
        assert counted(talks, session, "xylophone") == ({}, {})

    def test_are_empty_for_somebody_with_nothing(
        self, index: SearchIndex, session: Session
    ) -> None:
        assert counted(index, session, "budget") == ({}, {})

    def test_count_all_files_not_those_of_the_page(
        self, index: SearchIndex, session: Session
    ) -> None:
        for number in range(1, 8):
            index.index_file(session, file(number, chunk(0, "budget", "Bob")))
        assert counted(index, session, "budget", page_size=2, page=2) == ({"Bob": 7}, {"en": 7})

    def test_count_what_was_meant(self, engine_index: SearchIndex, session: Session) -> None:
        near, far = np.eye(8, dtype=np.float32)[:2]
        engine_index.index_file(
            session, file(1, chunk(0, "physician", "Ann", near), vector_model="m")
        )
        engine_index.index_file(
            session, file(2, chunk(0, "carpenter", "Bob", far), vector_model="m", language="fr")
        )
        engine_index.index_file(
            session, file(3, chunk(0, "a doctor", "Eve", far), vector_model="m", language="de")
        )
        how = {"vector": near, "vector_model": "m"}
        assert counted(engine_index, session, "doctor", **how) == (
            {"Ann": 1, "Eve": 1},
            {"de": 1, "en": 1},
        )


class TestLanguages:
    def test_only_recordings_in_these_are_found(self, index: SearchIndex, session: Session) -> None:
        index.index_file(session, file(1, chunk(0, "radio")))
        index.index_file(session, file(2, chunk(0, "radio"), language="de"))
        index.index_file(session, file(3, chunk(0, "hm"), language="fr", title="Radio"))
        assert found(index, session, "radio", languages=("de",)) == [2]
        assert set(found(index, session, "radio", languages=("de", "fr"))) == {2, 3}
