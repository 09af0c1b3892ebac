from __future__ import annotations

import numpy as np

from opentranscribe.features.media.waveform import thin_peaks


class TestThinPeaks:
    def test_no_peak_is_lost_by_thinning(self) -> None:
        pairs = np.zeros((10_007, 2), dtype="<i2")
        for place in (0, 3333, 10_006):
            pairs[place] = (-20_000, 20_000)
        thinned = np.array(thin_peaks(pairs.tobytes(), 100))
        assert thinned.shape == (100, 2)
        assert [int(n) for n in np.flatnonzero(thinned[:, 1] == 1)] == [0, 33, 99]
        assert thinned.min() == -1

    def test_a_short_recording_has_fewer(self) -> None:
        assert len(thin_peaks(np.zeros((7, 2), dtype="<i2").tobytes(), 100)) == 7
        assert thin_peaks(b"", 100) == []
        assert thin_peaks(b"\1\2", 100) == []

    def test_noise_is_not_blown_up(self) -> None:
        quiet = np.full((50, 2), 16, dtype="<i2")
        assert np.abs(np.array(thin_peaks(quiet.tobytes(), 10))).max() < 0.02
