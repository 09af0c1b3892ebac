from __future__ import annotations

import pytest

from opentranscribe.features.system_settings.rules import BY_NAME, read_choices, stored_text


class TestReadChoices:
    def test_has_a_default_for_everything(self) -> None:
        found = read_choices({})
        assert set(found) == set(BY_NAME)
        assert (found["task"], found["language"], found["vad_threshold"]) == (
            "transcribe",
            None,
            0.5,
        )

    def test_reads_the_rows_of_the_earlier_system(self) -> None:
        found = read_choices(
            {
                "transcription_source_language": "auto",
                "transcription_translate_to_english": "true",
                "transcription_max_speakers": "20",
                "transcription_diarization_source": "off",
            }
        )
        assert (found["language"], found["task"], found["max_speakers"]) == (None, "translate", 20)
        assert found["diarization_source"] == "off"

    @pytest.mark.parametrize(
        ("key", "text"),
        [
            ("transcription_max_speakers", "many"),
            ("transcription_vad_threshold", ""),
            ("transcription_diarization_source", "moon"),
        ],
    )
    def test_takes_the_default_for_what_it_cannot_read(self, key: str, text: str) -> None:
        assert read_choices({key: text}) == read_choices({})


class TestStoredText:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("task", "translate"), ("max_speakers", 3), ("language", "de"), ("vad_threshold", 0.3)],
    )
    def test_is_read_back_as_it_was(self, name: str, value: object) -> None:
        text = stored_text(name, value)
        assert read_choices({BY_NAME[name].key: text})[name] == value

    def test_nothing_removes_the_row(self) -> None:
        assert stored_text("max_speakers", None) is None
