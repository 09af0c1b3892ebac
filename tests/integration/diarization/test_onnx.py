"""Real networks on real speech."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from opentranscribe.adapters.diarization.onnx import OnnxDiarizer
from opentranscribe.adapters.diarization.sessions import Networks
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.diarization import Diarization, SpeakerCount
from opentranscribe.ports.progress import Cancelled, ignore_progress

pytestmark = pytest.mark.models


def load_scorer() -> ModuleType:
    path = Path(__file__).parents[3] / "bench" / "diarization_error.py"
    spec = importlib.util.spec_from_file_location("diarization_error", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


scorer = load_scorer()


@pytest.fixture(scope="module")
def conversation(sample, to_pcm) -> Pcm:
    return to_pcm(sample / "sample.wav")


@pytest.fixture(scope="module")
def found(diarizer: OnnxDiarizer, conversation: Pcm) -> Diarization:
    return diarizer.diarize(conversation, SpeakerCount(), ignore_progress)


@pytest.fixture
def silence(tmp_path) -> Pcm:
    path = tmp_path / "silence.pcm"
    path.write_bytes(bytes(2 * 16_000 * 5))
    return Pcm(path)


def measure(result: Diarization, reference: Path) -> float:
    spoken = [scorer.Spoken(t.start, t.end, str(t.speaker)) for t in result.turns]
    return float(scorer.measure_error(scorer.read_rttm(reference), spoken).rate)


class TestSampleConversation:
    def test_two_people_are_told_apart_with_little_error(self, found, sample):
        assert found.speaker_count == 2
        assert measure(found, sample / "sample.rttm") <= 0.02

    def test_hears_that_they_interrupt_each_other(self, found):
        first, second = ([t for t in found.turns if t.speaker == s] for s in (0, 1))
        assert any(a.start < b.end and b.start < a.end for a in first for b in second)

    def test_gives_each_a_voiceprint_of_length_one(self, found, diarizer):
        one, other = found.voiceprints
        assert one is not None
        assert other is not None
        assert one.dimension == other.dimension == 192
        assert np.linalg.norm(one.vector) == pytest.approx(1.0, abs=1e-5)
        band = diarizer.match_band(one.model, one.version)
        assert float(one.vector @ other.vector) < band.same_at_least

    def test_recognises_the_same_people_in_another_part(self, diarizer, conversation, tmp_path):
        halves = []
        for name, start, end in (("a", 6.0, 18.0), ("b", 18.0, 30.0)):
            path = tmp_path / name
            (conversation.window(start, end) * 32767).astype("<i2").tofile(path)
            result = diarizer.diarize(Pcm(path), SpeakerCount.exactly(2), ignore_progress)
            halves.append([p.vector for p in result.voiceprints if p is not None])
        likeness = np.array(halves[0]) @ np.array(halves[1]).T
        band = diarizer.match_band("cam++", "3dspeaker-200k-1")
        assert (likeness.max(axis=1) >= band.same_at_least).all()
        assert likeness.min() < band.perhaps_at_least + 0.15

    @pytest.mark.parametrize("count", [1, 3])
    def test_believes_a_user_who_knows_the_number(self, diarizer, conversation, count):
        wanted = SpeakerCount.exactly(count)
        assert diarizer.diarize(conversation, wanted, ignore_progress).speaker_count == count


class TestOnnxDiarizer:
    def test_silence_has_no_speakers(self, diarizer, silence):
        assert diarizer.diarize(silence, SpeakerCount(), ignore_progress) == Diarization((), ())

    @pytest.mark.parametrize("samples", [0, 1, 160])
    def test_survives_next_to_nothing(self, diarizer, tmp_path, samples):
        path = tmp_path / "short.pcm"
        path.write_bytes(bytes(2 * samples))
        assert diarizer.diarize(Pcm(path), SpeakerCount(), ignore_progress).turns == ()

    def test_progress_only_rises_and_ends_at_one(self, diarizer, conversation):
        seen: list[float] = []
        diarizer.diarize(conversation, SpeakerCount(), seen.append)
        assert seen == sorted(seen)
        assert seen[0] == 0.0
        assert seen[-1] == 1.0
        assert len(seen) > 10

    def test_stops_when_cancelled_and_works_again_after(self, diarizer, conversation):
        calls = 0

        def cancel(_fraction: float) -> None:
            nonlocal calls
            calls += 1
            if calls == 3:
                raise Cancelled

        with pytest.raises(Cancelled):
            diarizer.diarize(conversation, SpeakerCount(), cancel)
        assert diarizer.diarize(conversation, SpeakerCount(), ignore_progress).speaker_count == 2

    def test_loads_when_first_needed_and_after_unloading_again(self, network_folder, silence):
        asked: list[Path] = []

        def find() -> Path:
            asked.append(network_folder)
            return network_folder

        diarizer = OnnxDiarizer(find)
        assert not asked
        for _ in range(2):
            diarizer.diarize(silence, SpeakerCount(), ignore_progress)
        diarizer.unload()
        diarizer.diarize(silence, SpeakerCount(), ignore_progress)
        assert len(asked) == 2

    def test_an_unknown_voiceprint_is_nobodys(self, diarizer):
        assert diarizer.match_band("other", "1").perhaps_at_least > 1.0


class TestEmbeddingNetwork:
    def test_has_no_last_relu(self, network_folder):
        """With one, nearly half of the values would be zero."""
        features = np.random.default_rng(0).standard_normal((1, 200, 80)).astype(np.float32)
        vector = Networks(network_folder, 1).embed(features)[0]
        assert vector.shape == (192,)
        assert (vector < 0).sum() > 50


class TestLargerRecordings:
    """Known figures, where the recordings are."""

    @pytest.mark.parametrize(
        ("name", "limit", "speakers"), [("syn_2spk", 0.06, 2), ("syn_4spk", 0.06, 4)]
    )
    def test_counts_and_follows_the_speakers(
        self, diarizer, test_data, to_pcm, name, limit, speakers
    ):
        audio = to_pcm(test_data / "audio" / f"{name}.wav")
        found = diarizer.diarize(audio, SpeakerCount(), ignore_progress)
        assert found.speaker_count == speakers
        assert measure(found, test_data / "audio" / f"{name}.rttm") <= limit


class TestEmbedSpeakers:
    """Prints of speakers whose speech is known already."""

    def test_are_those_that_diarization_gives_the_same_voices(
        self, diarizer: OnnxDiarizer, conversation: Pcm
    ) -> None:
        found = diarizer.diarize(conversation, SpeakerCount(), ignore_progress)
        spoken = [
            [(turn.start, turn.end) for turn in found.turns if turn.speaker == number]
            for number in range(found.speaker_count)
        ]
        seen: list[float] = []
        prints = diarizer.embed_speakers(conversation, [*spoken, [(0.0, 0.5)], []], seen.append)
        assert prints[-2:] == (None, None)
        band = diarizer.match_band(prints[0].model, prints[0].version)
        for number, one in enumerate(prints[:-2]):
            likeness = [float(one.vector @ other.vector) for other in found.voiceprints]
            assert likeness.index(max(likeness)) == number
            assert likeness[number] > band.same_at_least
        assert seen == sorted(seen)
        assert seen[-1] == 1.0
