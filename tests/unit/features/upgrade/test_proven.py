from __future__ import annotations

from opentranscribe.features.upgrade.proof.finding import turned_phrases
from opentranscribe.features.upgrade.proof.report import Probe, conclude, fail


class TestConclude:
    def test_what_is_not_tried_is_no_failure_beside_what_passed(self) -> None:
        probes = [Probe("a", "passed", 0.1, "Fine."), Probe("b", "not_tried", 0.0, "Not tried.")]
        report = conclude(probes, 0.1)
        assert report.ok
        assert len(report.probes) == 2

    def test_a_proof_of_nothing_fails_with_the_reason(self) -> None:
        report = conclude([Probe("b", "not_tried", 0.0, "Not tried.")], 0.1)
        assert not report.ok
        assert report.as_json()["ok"] is False
        assert "Not one probe passed" in report.probes[-1].sentence

    def test_a_proof_without_probes_fails(self) -> None:
        assert not conclude([], 0.0).ok

    def test_one_that_could_not_begin_fails(self) -> None:
        assert not fail("reach it", "Nobody is there.").ok


class TestTurnedPhrases:
    def test_asks_for_the_longest_passage_with_its_last_word_first(self) -> None:
        texts = ["Yes, of course.", "We'll meet at the station."]
        assert list(turned_phrases(texts)) == ["station the at meet We'll", "course of Yes"]

    def test_leaves_out_what_reads_the_same_both_ways(self) -> None:
        assert list(turned_phrases(["no no no no", "first ladies first", "a b c b a"])) == []

    def test_a_question_has_only_so_many_words(self) -> None:
        (phrase,) = turned_phrases([" ".join(f"word{n}" for n in range(100))])
        assert phrase.split()[0] == "word35"

    def test_where_words_are_not_spaced_letters_are_counted(self) -> None:
        (phrase,) = turned_phrases(["今日は、とても、いい、天気です。" + "それから、" * 20])
        assert len(phrase.replace(" ", "")) <= 36
