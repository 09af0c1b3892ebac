"""How many voices: right for short and long recordings, whatever the channel, within bounds."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentranscribe.adapters.diarization.clustering import find_voices
from opentranscribe.ports.diarization import SpeakerCount

DIMENSION = 192
ANY = SpeakerCount()


def make_items(seed: int, shares: list[int], *, channel: float = 0.0, shortest: float = 0.4):
    """Embeddings as the network makes them: the shorter the speech, the more noise.

    ``shares`` is how many pieces each speaker has; ``channel`` how much all of them share.
    """
    random = np.random.default_rng(seed)
    common = random.standard_normal(DIMENSION)
    voices = random.standard_normal((len(shares), DIMENSION))
    voices = np.sqrt(channel) * common + np.sqrt(1 - channel) * voices
    labels = random.permutation(np.repeat(np.arange(len(shares)), shares))
    seconds = random.uniform(shortest, 2.4, len(labels))
    noise = random.standard_normal((len(labels), DIMENSION)) * np.sqrt(0.9 / seconds)[:, None]
    vectors = voices[labels] + noise
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), seconds, labels


def is_parted(vectors: np.ndarray, labels: np.ndarray, voices: np.ndarray) -> bool:
    """Every speaker has one voice and no two speakers the same, but for a few noisy pieces."""
    found = (vectors @ voices.T).argmax(axis=1)
    usual = [np.bincount(found[labels == label]).argmax() for label in np.unique(labels)]
    return len(set(usual)) == len(usual) and np.mean(np.array(usual)[labels] == found) > 0.97


class TestFindVoices:
    @settings(max_examples=25, deadline=None)
    @given(
        seed=st.integers(0, 10_000),
        shares=st.lists(st.integers(8, 40), min_size=1, max_size=6),
        channel=st.sampled_from([0.0, 0.2, 0.4]),
    )
    def test_counts_speakers_in_any_channel(self, seed, shares, channel):
        vectors, seconds, labels = make_items(seed, shares, channel=channel)
        voices = find_voices(vectors, seconds, ANY)
        assert len(voices) == len(shares)
        assert is_parted(vectors, labels, voices)

    @settings(max_examples=30, deadline=None)
    @given(
        seed=st.integers(0, 10_000),
        speakers=st.integers(1, 5),
        low=st.integers(1, 6),
        more=st.integers(0, 3),
    )
    def test_keeps_to_what_the_user_knows(self, seed, speakers, low, more):
        vectors, seconds, _ = make_items(seed, [12] * speakers)
        count = len(find_voices(vectors, seconds, SpeakerCount(low, low + more)))
        assert count == min(max(speakers, low), low + more)

    def test_finds_exactly_two_in_a_monologue_when_told_so(self):
        vectors, seconds, _ = make_items(1, [20])
        assert len(find_voices(vectors, seconds, SpeakerCount.exactly(2))) == 2

    def test_hears_someone_who_says_little(self):
        vectors, seconds, labels = make_items(3, [80, 80, 5])
        assert is_parted(vectors, labels, find_voices(vectors, seconds, ANY))

    def test_does_not_take_one_odd_noise_for_a_speaker(self):
        vectors, seconds, _ = make_items(4, [60, 60])
        odd = np.random.default_rng(9).standard_normal(DIMENSION)
        vectors = np.vstack([vectors, odd / np.linalg.norm(odd)])
        assert len(find_voices(vectors, np.append(seconds, 1.4), ANY)) == 2

    def test_hears_a_guest_of_ten_seconds_in_an_hour(self):
        vectors, seconds, labels = make_items(5, [1000, 800, 8], shortest=1.2)
        assert is_parted(vectors, labels, find_voices(vectors, seconds, ANY))

    def test_three_hours_cost_seconds_and_no_matrix_of_all_pairs(self):
        vectors, seconds, _ = make_items(6, [1500, 1200, 900, 600, 300])
        began = time.process_time()
        assert len(find_voices(vectors, seconds, ANY)) == 5
        assert time.process_time() - began < 10

    @pytest.mark.parametrize("pieces", [0, 1, 2])
    def test_survives_almost_nothing(self, pieces):
        vectors, seconds, _ = make_items(7, [max(pieces, 1)])
        voices = find_voices(vectors[:pieces], seconds[:pieces], ANY)
        assert len(voices) == min(pieces, 1)

    def test_the_order_of_a_short_recording_does_not_matter(self):
        vectors, seconds, _ = make_items(8, [20, 20, 20])
        order = np.random.default_rng(1).permutation(len(seconds))
        one = find_voices(vectors, seconds, ANY)
        other = find_voices(vectors[order], seconds[order], ANY)
        assert (one @ other.T).max(axis=1) == pytest.approx(1.0, abs=1e-6)
