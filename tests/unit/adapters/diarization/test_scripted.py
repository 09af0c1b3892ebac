"""The deterministic double, and pyannote's answers turned into ours."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from opentranscribe.adapters.diarization.pyannote import convert_output
from opentranscribe.adapters.diarization.scripted import ScriptedDiarizer
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.diarization import SpeakerCount
from opentranscribe.ports.progress import Cancelled, ignore_progress


@pytest.fixture
def ten_seconds(tmp_path):
    path = tmp_path / "sound.pcm"
    path.write_bytes(bytes(2 * 16_000 * 10))
    return Pcm(path)


class TestScriptedDiarizer:
    def test_people_take_turns_to_the_end(self, ten_seconds):
        found = ScriptedDiarizer(2).diarize(ten_seconds, SpeakerCount(), ignore_progress)
        assert [(t.start, t.end, t.speaker) for t in found.turns] == [
            (0, 4, 0),
            (4, 8, 1),
            (8, 10, 0),
        ]
        assert [print_.speech_seconds for print_ in found.voiceprints] == [6.0, 4.0]

    def test_keeps_to_the_users_count(self, ten_seconds):
        diarizer = ScriptedDiarizer(2, turn_seconds=1)
        found = diarizer.diarize(ten_seconds, SpeakerCount.exactly(4), ignore_progress)
        assert found.speaker_count == 4

    def test_the_same_voice_is_the_same_person_in_another_recording(self, ten_seconds):
        first = ScriptedDiarizer(2, voices=[5, 6])
        second = ScriptedDiarizer(2, voices=[6, 7])
        one = first.diarize(ten_seconds, SpeakerCount(), ignore_progress).voiceprints
        other = second.diarize(ten_seconds, SpeakerCount(), ignore_progress).voiceprints
        assert one[1].vector @ other[0].vector == 1.0
        assert one[0].vector @ other[1].vector == 0.0

    def test_can_be_cancelled(self, ten_seconds):
        def cancel(_fraction: float) -> None:
            raise Cancelled

        with pytest.raises(Cancelled):
            ScriptedDiarizer().diarize(ten_seconds, SpeakerCount(), cancel)


class FakeAnnotation:
    def __init__(self, tracks: list[tuple[float, float, str]]) -> None:
        self._tracks = tracks

    def itertracks(self, *, yield_label: bool):
        for start, end, label in self._tracks:
            yield SimpleNamespace(start=start, end=end), "_", label

    def labels(self) -> list[str]:
        return sorted({label for _, _, label in self._tracks})


class TestConvertOutput:
    def test_counts_speakers_in_order_of_first_speech_with_their_prints(self):
        tracks = [(0.0, 4.0, "SPEAKER_01"), (3.0, 9.0, "SPEAKER_00")]
        embeddings = np.array([[3.0, 0.0], [0.0, 2.0]])
        output = SimpleNamespace(
            speaker_diarization=FakeAnnotation(tracks), speaker_embeddings=embeddings
        )
        found = convert_output(output)
        assert [(turn.speaker, turn.start) for turn in found.turns] == [(0, 0.0), (1, 3.0)]
        assert found.voiceprints[0].vector.tolist() == [0.0, 1.0]
        assert found.voiceprints[1].speech_seconds == 6.0

    def test_gives_no_print_of_nothing(self):
        tracks = [(0.0, 4.0, "A"), (5.0, 5.5, "B"), (6.0, 9.0, "C")]
        embeddings = np.array([[np.nan, 0.0], [1.0, 0.0]])
        output = SimpleNamespace(
            speaker_diarization=FakeAnnotation(tracks), speaker_embeddings=embeddings
        )
        assert convert_output(output).voiceprints == (None, None, None)
