from __future__ import annotations

import pytest

from opentranscribe.features.transcription.wishes import Wishes


class TestChangedBy:
    def test_takes_what_an_upload_asks_for(self) -> None:
        wishes = Wishes().changed_by(
            {"model": "small", "language": "DE", "task": "translate", "num_speakers": "2"}
        )
        assert wishes == Wishes(
            model="small", language="de", task="translate", min_speakers=2, max_speakers=2
        )

    def test_keeps_what_is_not_mentioned(self) -> None:
        before = Wishes(model="small", language="de", max_speakers=4, diarize=False)
        assert before.changed_by({}) == before

    def test_auto_asks_for_detection(self) -> None:
        assert Wishes(language="de").changed_by({"language": "auto"}).language is None

    @pytest.mark.parametrize("value", ["-1", "0", "two", "", None, 3.5, "²", True])
    def test_does_not_take_nonsense_for_a_number_of_speakers(self, value: object) -> None:
        assert Wishes().changed_by({"max_speakers": value}).max_speakers is None

    def test_puts_swapped_bounds_in_order(self) -> None:
        wishes = Wishes().changed_by({"min_speakers": 5, "max_speakers": 2})
        assert (wishes.min_speakers, wishes.max_speakers) == (2, 5)

    @pytest.mark.parametrize("value", ["true", True, "1", "yes"])
    def test_can_leave_voices_alone(self, value: object) -> None:
        assert Wishes().changed_by({"disable_diarization": value}).diarize is False

    def test_reads_the_payload_of_another_version(self) -> None:
        payload = {**Wishes(model="small").as_payload(), "from_the_future": 1}
        assert Wishes.of_payload(payload) == Wishes(model="small")
