"""What every search index must do; what only an engine can is asked of the engines alone."""

from __future__ import annotations

import functools
import operator
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from tests.contract.searching import ANN, BOB, DAY, chunk, file, found

from opentranscribe.adapters.search.postgres import PostgresSearch
from opentranscribe.ports.search import (
    SearchIndex,
    SearchQuery,
    SearchQueryError,
)


@pytest.fixture
def postgres(session: Session) -> PostgresSearch:
    return PostgresSearch(session.get_bind())  # type: ignore[arg-type]


class TestQuery:
    def test_finds_the_word_and_the_moment_it_was_said(
        self, index: SearchIndex, session: Session
    ) -> None:
        index.index_file(
            session, file(7, chunk(0, "nothing here"), chunk(1, "the red balloon rose"))
        )
        (hit,) = index.query(session, SearchQuery("Balloon", ANN)).hits
        (occurrence,) = hit.occurrences
        assert occurrence.start == 11.0
        assert occurrence.snippet_html == "the red <mark>balloon</mark> rose"

    def test_never_shows_another_owners_file(self, index: SearchIndex, session: Session) -> None:
        index.index_file(session, file(1, chunk(0, "a secret plan"), owner=BOB, title="Secret"))
        assert found(index, session, "secret", owner=ANN) == []
        assert found(index, session, "secret", owner=BOB) == [1]

    def test_quoted_words_must_stand_together(self, index: SearchIndex, session: Session) -> None:
        index.index_file(session, file(1, chunk(0, "the big red dog and the car")))
        index.index_file(session, file(2, chunk(0, "the big dog with a red collar")))
        assert found(index, session, '"red dog"') == [1]

    def test_filters_by_speaker_and_date(self, index: SearchIndex, session: Session) -> None:
        index.index_file(
            session, file(1, chunk(0, "budget talk", "Ann"), chunk(1, "budget", "Bob"))
        )
        index.index_file(session, file(2, chunk(0, "budget"), uploaded_at=DAY + timedelta(days=9)))
        result = index.query(session, SearchQuery("budget", ANN, speakers=("bob",)))
        assert [(h.file_id, [o.speaker for o in h.occurrences]) for h in result.hits] == [
            (1, ["Bob"])
        ]
        assert found(index, session, "budget", date_from=DAY + timedelta(days=1)) == [2]
        assert found(index, session, "budget", date_to=DAY + timedelta(days=1)) == [1]

    def test_a_title_is_found_and_marked(self, index: SearchIndex, session: Session) -> None:
        index.index_file(session, file(1, chunk(0, "words"), title="Board <meeting> May"))
        (hit,) = index.query(session, SearchQuery("board meeting", ANN)).hits
        assert hit.title_html == "<mark>Board</mark> &lt;<mark>meeting</mark>&gt; May"

    def test_part_of_a_word_in_a_title_is_no_match(
        self, index: SearchIndex, session: Session
    ) -> None:
        index.index_file(session, file(1, chunk(0, "words"), title="Recording"))
        assert found(index, session, "cord") == []

    def test_what_was_said_is_never_markup(self, index: SearchIndex, session: Session) -> None:
        index.index_file(session, file(1, chunk(0, "<img src=x onerror=alert(1)> evil & co")))
        (hit,) = index.query(session, SearchQuery("evil", ANN)).hits
        assert hit.occurrences[0].snippet_html == (
            "&lt;img src=x onerror=alert(1)&gt; <mark>evil</mark> &amp; co"
        )

    @pytest.mark.parametrize("nothing", ["", "  ", "!?", '""'])
    def test_a_query_without_words_is_refused(
        self, index: SearchIndex, session: Session, nothing: str
    ) -> None:
        with pytest.raises(SearchQueryError):
            index.query(session, SearchQuery(nothing, ANN))

    @pytest.mark.parametrize(
        "odd", ["' OR 1=1 --", "a:* & !b", "\\", "foo<->bar", "x\u0000y", "'''"]
    )
    def test_operators_of_an_engine_are_plain_text(
        self, index: SearchIndex, session: Session, odd: str
    ) -> None:
        index.index_file(session, file(1, chunk(0, "harmless words")))
        try:
            assert found(index, session, odd) == []
        except SearchQueryError:
            assert not any(c.isalnum() for c in odd)

    def test_pages_do_not_overlap(self, index: SearchIndex, session: Session) -> None:
        for n in range(5):
            index.index_file(session, file(n, chunk(0, "same words")))
        pages = [found(index, session, "same", page=p, page_size=2) for p in (1, 2, 3)]
        assert sorted(functools.reduce(operator.iadd, pages, [])) == [0, 1, 2, 3, 4]

    def test_japanese_is_found_inside_a_sentence(
        self, index: SearchIndex, session: Session
    ) -> None:
        words = "今日は東京都の天気がとても良いです"
        index.index_file(session, file(1, chunk(0, words), language="ja"))
        (hit,) = index.query(session, SearchQuery("天気", ANN)).hits
        assert "<mark>天気</mark>" in hit.occurrences[0].snippet_html
        assert found(index, session, "京天") == []


class TestIndexFile:
    def test_replaces_what_was_known(self, index: SearchIndex, session: Session) -> None:
        index.index_file(session, file(1, chunk(0, "old words")))
        index.index_file(session, file(1, chunk(0, "new words")))
        assert found(index, session, "old") == []
        assert found(index, session, "new") == [1]

    def test_a_deleted_file_is_not_found(self, index: SearchIndex, session: Session) -> None:
        index.index_file(session, file(1, chunk(0, "some words")))
        index.delete_file(session, 1)
        index.delete_file(session, 1)
        assert found(index, session, "words") == []

    def test_vectors_are_kept_by_text_and_model(self, index: SearchIndex, session: Session) -> None:
        vector = np.full(384, 384**-0.5, dtype=np.float32)
        index.index_file(session, file(1, chunk(0, "a b", vector=vector), vector_model="m"))
        known = index.vectors_of(session, 1, "m")
        assert np.allclose(known["a b"], vector, atol=1e-3)
        assert index.vectors_of(session, 1, "other") == {}


class TestEngines:
    def test_finds_inflected_forms_in_the_language_of_the_file(
        self, engine_index: SearchIndex, session: Session
    ) -> None:
        engine_index.index_file(session, file(1, chunk(0, "they were negotiating contracts")))
        engine_index.index_file(
            session, file(2, chunk(0, "die Verträge wurden geprüft"), language="de")
        )
        assert found(engine_index, session, "negotiated contract") == [1]
        assert found(engine_index, session, "vertrag") == [2]

    def test_common_words_can_be_searched(
        self, engine_index: SearchIndex, session: Session
    ) -> None:
        engine_index.index_file(
            session, file(1, chunk(0, "to be or not to be that is the question"))
        )
        assert found(engine_index, session, '"to be or not to be"') == [1]

    def test_a_misspelt_word_is_mended_and_said(
        self, engine_index: SearchIndex, session: Session
    ) -> None:
        engine_index.index_file(session, file(1, chunk(0, "the parliament adjourned")))
        result = engine_index.query(session, SearchQuery("Parlaiment", ANN))
        assert [hit.file_id for hit in result.hits] == [1]
        assert result.corrected == "parliament"

    def test_rare_words_weigh_more_than_common_ones(
        self, engine_index: SearchIndex, session: Session
    ) -> None:
        for n in range(2, 12):
            engine_index.index_file(
                session, file(n, chunk(0, "meeting meeting meeting about things"))
            )
        engine_index.index_file(session, file(1, chunk(0, "one meeting about the zeppelin today")))
        assert found(engine_index, session, "meeting zeppelin")[0] == 1

    def test_words_and_meaning_are_fused(self, engine_index: SearchIndex, session: Session) -> None:
        towards = np.zeros(384, dtype=np.float32)
        towards[0] = 1.0
        away = np.roll(towards, 5)
        engine_index.index_file(session, file(1, chunk(0, "the vehicle", vector=towards)))
        engine_index.index_file(session, file(2, chunk(0, "a car", vector=towards)))
        engine_index.index_file(session, file(3, chunk(0, "a tree", vector=away)))
        query = SearchQuery("car", ANN, vector=towards)
        result = engine_index.query(session, query)
        assert [hit.file_id for hit in result.hits] == [2, 1]
        assert [hit.occurrences[0].match for hit in result.hits] == ["text", "meaning"]
        assert found(engine_index, session, "car", vector=towards, mode="keyword") == [2]

    def test_suggests_titles_speakers_and_words_of_ones_own(
        self, engine_index: SearchIndex, session: Session
    ) -> None:
        engine_index.index_file(
            session, file(1, chunk(0, "marvellous", "Mara"), title="Market day")
        )
        engine_index.index_file(session, file(2, chunk(0, "marsupial"), owner=BOB))
        assert engine_index.suggest(session, "mar", ANN) == ["Market day", "Mara", "marvellous"]
        assert engine_index.suggest(session, "%", ANN) == []

    def test_vectors_of_another_model_are_not_compared(
        self, engine_index: SearchIndex, session: Session
    ) -> None:
        vector = np.full(8, 8**-0.5, dtype=np.float32)
        other = np.full(4, 0.5, dtype=np.float32)
        engine_index.index_file(session, file(1, chunk(0, "a", vector=vector), vector_model="m"))
        engine_index.index_file(session, file(2, chunk(0, "b", vector=other), vector_model="n"))
        assert found(engine_index, session, "z", vector=vector, vector_model="m") == [1]

    def test_meaning_is_filtered_like_words(
        self, engine_index: SearchIndex, session: Session
    ) -> None:
        vector = np.full(8, 8**-0.5, dtype=np.float32)
        for number, (speaker, day) in enumerate([("Ann", 0), ("Bob", 0), ("Ann", 9)]):
            engine_index.index_file(
                session,
                file(
                    number,
                    chunk(0, "a", speaker, vector),
                    uploaded_at=DAY + timedelta(days=day),
                ),
            )
        engine_index.index_file(session, file(9, chunk(0, "a", "Ann", vector), owner=BOB))
        filters = {"speakers": ("ann",), "date_to": DAY + timedelta(days=1)}
        assert found(engine_index, session, "z", vector=vector, **filters) == [0]

    def test_a_phrase_is_found_after_its_file_changed_place(
        self, engine_index: SearchIndex, session: Session
    ) -> None:
        for number in (3, 1, 2):
            engine_index.index_file(session, file(number, chunk(0, "x"), chunk(1, "the red dog")))
        engine_index.index_file(session, file(1, chunk(0, "the red dog"), chunk(1, "the dog")))
        result = engine_index.query(session, SearchQuery('"red dog"', ANN))
        assert sorted((h.file_id, h.occurrences[0].chunk_index) for h in result.hits) == [
            (1, 0),
            (2, 1),
            (3, 1),
        ]


class TestPostgres:
    def test_counts_of_words_return_to_nothing(
        self, postgres: PostgresSearch, session: Session
    ) -> None:
        postgres.index_file(session, file(1, chunk(0, "one two"), chunk(1, "two three")))
        postgres.index_file(session, file(1, chunk(0, "one")))
        counts = session.execute(
            text("SELECT lexeme, chunks FROM derived.search_term WHERE NOT is_speaker")
        ).all()
        assert [tuple(row) for row in counts] == [("one", 1)]
        postgres.delete_file(session, 1)
        assert session.scalar(text("SELECT count(*) FROM derived.search_term")) == 0

    def test_tables_of_another_shape_are_made_anew(
        self, postgres: PostgresSearch, session: Session
    ) -> None:
        postgres.index_file(session, file(1, chunk(0, "words")))
        session.commit()
        postgres.ensure_schema()
        assert found(postgres, session, "words") == [1]
        session.execute(text("UPDATE derived.search_shape SET shape = 1"))
        session.commit()
        postgres.ensure_schema()
        assert found(postgres, session, "words") == []
        postgres.index_file(session, file(1, chunk(0, "words")))
        assert found(postgres, session, "words") == [1]
