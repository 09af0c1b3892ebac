"""Names people may give to voices."""

from __future__ import annotations

import pytest

from opentranscribe.features.speakers.rules import SpeakerNameError, next_label, tidy_name


class TestTidyName:
    def test_is_one_line_without_control_characters(self) -> None:
        assert tidy_name("  Ann\n\u2028Lee\x00 ") == "Ann Lee"

    def test_is_composed(self) -> None:
        assert tidy_name("Rene\u0301e") == "Ren\u00e9e"

    @pytest.mark.parametrize("nothing", [None, "", "   ", "\n"])
    def test_nothing_takes_the_name_away(self, nothing: str | None) -> None:
        assert tidy_name(nothing) is None

    def test_a_name_longer_than_the_column_is_refused(self) -> None:
        with pytest.raises(SpeakerNameError, match="255"):
            tidy_name("x" * 256)


def test_next_label_fills_the_first_gap() -> None:
    assert next_label([]) == "SPEAKER_00"
    assert next_label(["SPEAKER_00", "SPEAKER_02"]) == "SPEAKER_01"
    assert next_label(["SPEAKER_00", "SPEAKER_01"]) == "SPEAKER_02"
