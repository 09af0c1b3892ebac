from __future__ import annotations

import numpy as np

from opentranscribe.features.transcription.rules.voices import (
    KnownPrint,
    Rejection,
    Resemblance,
    is_rejected,
    recognise_voices,
)
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


class TestIsRejected:
    ANN = Resemblance(1, "Ann", 0.8, sure=True)
    SAID = (Rejection(1, "Ann", ((0.0, 10.0), (30.0, 34.0))),)
    #: The recording cut anew: the voice that was meant is now 1.
    PASSAGES = ((1, 0.5, 9.0), (0, 9.0, 29.0), (1, 30.5, 33.0), (None, 0.0, 34.0))

    def test_knows_the_voice_again_by_when_it_spoke(self) -> None:
        assert is_rejected(self.ANN, 1, self.SAID, self.PASSAGES)
        assert not is_rejected(self.ANN, 0, self.SAID, self.PASSAGES)

    def test_is_about_that_person_only(self) -> None:
        other = Resemblance(2, "Bea", 0.8, sure=False)
        assert not is_rejected(other, 1, self.SAID, self.PASSAGES)

    def test_holds_when_the_person_was_renamed_or_made_anew(self) -> None:
        assert is_rejected(Resemblance(1, "Anna", 0.8, sure=True), 1, self.SAID, self.PASSAGES)
        assert is_rejected(Resemblance(7, "Ann", 0.8, sure=True), 1, self.SAID, self.PASSAGES)

    def test_says_nothing_when_nobody_speaks_there_any_more(self) -> None:
        assert not is_rejected(self.ANN, 1, self.SAID, [(1, 50.0, 60.0)])
        assert not is_rejected(self.ANN, 1, self.SAID, [])
