from __future__ import annotations

import pytest

from opentranscribe.features.upgrade.proof.verdict import find_worse, read_states


def probe(name: str, ok: bool = True, sentence: str = "Fine.", **more: str) -> dict[str, object]:
    return {"name": name, "ok": ok, "sentence": sentence, **more}


class TestReadStates:
    def test_takes_the_state_where_a_release_says_it(self) -> None:
        report = {"probes": [probe("a", state="passed"), probe("b", state="not_tried")]}
        assert read_states(report) == {"a": "passed", "b": "not_tried"}

    def test_understands_releases_that_only_have_a_sentence(self) -> None:
        report = {
            "probes": [
                probe("a"),
                probe("b", sentence="Not tried: there is no transcript yet."),
                probe("c", ok=False, sentence="404"),
            ]
        }
        assert read_states(report) == {"a": "passed", "b": "not_tried", "c": "failed"}


class TestFindWorse:
    @pytest.mark.parametrize(
        ("before", "now", "is_worse"),
        [
            ("passed", "passed", False),
            ("passed", "failed", True),
            ("passed", "not_tried", True),
            ("failed", "failed", False),
            ("failed", "passed", False),
            ("not_tried", "not_tried", False),
            ("not_tried", "failed", True),
            ("", "failed", True),
            ("", "not_tried", False),
        ],
    )
    def test_compares_with_before(self, before: str, now: str, is_worse: bool) -> None:
        held = {"search": before} if before else {}
        assert find_worse(held, {"search": now, "sign in": "passed"}) == (
            ["search"] if is_worse else []
        )

    def test_a_probe_that_a_release_no_longer_has_is_no_loss(self) -> None:
        assert find_worse({"old": "passed"}, {"new": "passed"}) == []

    @pytest.mark.parametrize("now", [{}, {"a": "not_tried"}, {"a": "not_tried", "b": "failed"}])
    def test_where_nothing_worked_nothing_speaks_for_it(self, now: dict[str, str]) -> None:
        assert find_worse({"a": "not_tried", "b": "failed"}, now) == ["anything at all"]
