"""Mel energies and the parts of the network builders that need no weights."""

from __future__ import annotations

import numpy as np
import pytest

from opentranscribe.adapters.diarization.features import MEL_BANDS, compute_mel_energies


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(16_000 * seconds)) / 16_000).astype(np.float32)


class TestComputeMelEnergies:
    def test_has_a_row_for_every_whole_frame(self):
        assert compute_mel_energies(tone(440)).shape == (98, MEL_BANDS)

    @pytest.mark.parametrize("samples", [0, 1, 399])
    def test_less_than_a_frame_has_none(self, samples):
        assert compute_mel_energies(np.zeros(samples, np.float32)).shape == (0, MEL_BANDS)

    def test_silence_is_the_floor_and_not_minus_infinity(self):
        assert compute_mel_energies(np.zeros(400, np.float32)) == pytest.approx(-15.942385)

    @pytest.mark.parametrize(("hertz", "band"), [(200, 6), (1000, 27), (4000, 60)])
    def test_a_tone_is_loudest_in_its_band(self, hertz, band):
        energies = compute_mel_energies(tone(hertz)).mean(axis=0)
        assert abs(int(energies.argmax()) - band) <= 1

    def test_loudness_adds_the_same_to_every_band(self):
        noise = np.random.default_rng(0).standard_normal(8000).astype(np.float32) * 0.1
        difference = compute_mel_energies(2 * noise) - compute_mel_energies(noise)
        assert difference == pytest.approx(np.log(4), abs=1e-3)
