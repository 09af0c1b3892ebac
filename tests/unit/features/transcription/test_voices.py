from __future__ import annotations

import numpy as np

from opentranscribe.features.transcription.rules.voices import KnownPrint, recognise_voices
from opentranscribe.ports.diarization import MatchBand

BAND = MatchBand(same_at_least=0.7, perhaps_at_least=0.5)


def vector(angle_degrees: float) -> np.ndarray:
    angle = np.radians(angle_degrees)
    return np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)


def known(profile: int, name: str, angle: float, seconds: float = 20.0) -> KnownPrint:
    return KnownPrint(profile, name, vector(angle), seconds)


class TestRecogniseVoices:
    def test_is_sure_of_a_near_voice(self) -> None:
        found = recognise_voices({0: (vector(10), 9.0)}, [known(1, "Ann", 0)], BAND)
        assert (found[0].name, found[0].sure) == ("Ann", True)
        assert found[0].score > 0.98

    def test_is_not_sure_between_the_edges(self) -> None:
        found = recognise_voices({0: (vector(55), 9.0)}, [known(1, "Ann", 0)], BAND)
        assert found[0].sure is False

    def test_says_nothing_of_strangers(self) -> None:
        assert recognise_voices({0: (vector(80), 9.0)}, [known(1, "Ann", 0)], BAND) == {}

    def test_says_nothing_of_a_voice_heard_too_briefly(self) -> None:
        assert recognise_voices({0: (vector(0), 2.0)}, [known(1, "Ann", 0)], BAND) == {}

    def test_does_not_trust_prints_of_too_little_speech(self) -> None:
        found = recognise_voices({0: (vector(0), 9.0)}, [known(1, "Ann", 0, 1.0)], BAND)
        assert found == {}

    def test_chooses_the_nearest_person(self) -> None:
        people = [known(1, "Ann", 0), known(2, "Bob", 30)]
        assert recognise_voices({0: (vector(25), 9.0)}, people, BAND)[0].name == "Bob"

    def test_compares_with_the_mean_of_a_persons_prints(self) -> None:
        people = [known(1, "Ann", -40), known(1, "Ann", 40)]
        assert recognise_voices({0: (vector(0), 9.0)}, people, BAND)[0].score > 0.99

    def test_is_sure_of_a_person_in_one_voice_only(self) -> None:
        voices = {0: (vector(20), 9.0), 1: (vector(5), 9.0)}
        found = recognise_voices(voices, [known(1, "Ann", 0)], BAND)
        assert (found[0].sure, found[1].sure) == (False, True)
