from __future__ import annotations

import numpy as np

from opentranscribe.adapters.search.postings import ENTRY, PLACE, pack_speakers, pack_words


class TestPackWords:
    def test_says_where_each_lexeme_stands(self) -> None:
        tokens = [["go", "home"], [], ["home", "goes", "go", "goes"]]
        stems = {"go": "go", "goes": "go", "home": "home"}
        go, home = pack_words([4, 5, 7], tokens, stems)
        assert (go.lexeme, home.lexeme) == ("go", "home")
        assert np.frombuffer(go.entries, ENTRY).tolist() == [(4, 2, 1), (7, 4, 3)]
        assert np.frombuffer(go.places, PLACE).tolist() == [1, 2, 3, 4]
        assert np.frombuffer(home.entries, ENTRY).tolist() == [(4, 2, 1), (7, 4, 1)]
        assert np.frombuffer(home.places, PLACE).tolist() == [2, 1]

    def test_keeps_the_commonest_way_to_write_it(self) -> None:
        stems = {"walk": "walk", "walked": "walk"}
        (walk,) = pack_words([0], [["walk", "walked", "walked"]], stems)
        assert (walk.word, walk.chunks) == ("walked", 1)

    def test_nothing_said_has_no_postings(self) -> None:
        assert pack_words([0, 1], [[], []], {}) == []


class TestPackSpeakers:
    def test_is_one_term_whatever_the_case(self) -> None:
        ann, bob = pack_speakers([0, 1, 2], ["Ann", "Bob", "ANN"], [5, 6, 7])
        assert (ann.lexeme, ann.word, ann.chunks) == ("ann", "Ann", 2)
        assert np.frombuffer(ann.entries, ENTRY).tolist() == [(0, 5, 1), (2, 7, 1)]
        assert bob.lexeme == "bob"
