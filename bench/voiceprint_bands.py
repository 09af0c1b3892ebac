"""Measures how alike voiceprints of the same and of different people are, to set the match band.

    python bench/voiceprint_bands.py --data DIR --model FOLDER [--seconds 3]

DIR holds ``dev/`` with clips of single speakers, named ``SPEAKER-....flac``. Every clip is taken
as it is, as a telephone would carry it, and with noise; prints are compared across all of these.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
from diarization import decode
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from opentranscribe.adapters.diarization.features import compute_mel_energies
from opentranscribe.adapters.diarization.sessions import Networks

RATE_HZ = 16_000


def degrade(sound: NDArray[np.float32], how: str) -> NDArray[np.float32]:
    if how == "telephone":
        band = butter(4, [250, 3400], "bandpass", fs=RATE_HZ, output="sos")
        return np.asarray(sosfiltfilt(band, sound), dtype=np.float32)
    if how == "noise":
        noise = np.random.default_rng(0).standard_normal(sound.shape[0]).astype(np.float32)
        return sound + noise * np.float32(np.sqrt((sound**2).mean()) * 10 ** (-15 / 20))
    return sound


def collect(folder: Path, networks: Networks, seconds: float) -> list[tuple[str, str, NDArray]]:
    """(speaker, condition, unit vector) of the middle ``seconds`` of every long enough clip."""
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for path in sorted(folder.glob("*.flac")):
            audio = decode(path, Path(scratch) / "clip.pcm")
            if audio.duration_seconds < seconds + 0.5:
                continue
            start = (audio.duration_seconds - seconds) / 2
            sound = audio.window(start, start + seconds)
            for how in ("plain", "telephone", "noise"):
                energies = compute_mel_energies(degrade(sound, how))
                vector = networks.embed((energies - energies.mean(axis=0))[None])[0]
                found.append((path.name.split("-")[0], how, vector / np.linalg.norm(vector)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    prints = collect(options.data / "dev", Networks(options.model, 2), options.seconds)
    scores: dict[tuple[str, bool], list[float]] = {}
    for (who, how, left), (other, what, right) in combinations(prints, 2):
        channel = how if how == what else "across"
        scores.setdefault((channel, who == other), []).append(float(left @ right))
    for (channel, same), values in sorted(scores.items()):
        low, middle, high = np.quantile(values, [0.01, 0.5, 0.99])
        print(f"{channel:10} {'same' if same else 'different':10} {len(values):6} pairs: "
              f"1 % {low:.2f}, median {middle:.2f}, 99 % {high:.2f}")  # fmt: skip
    for band in np.arange(0.30, 0.80, 0.05):
        wrong = np.mean([v >= band for (c, same), vs in scores.items() if not same for v in vs])
        missed = np.mean([v < band for (c, same), vs in scores.items() if same for v in vs])
        print(f"at {band:.2f}: {100 * wrong:.2f} % wrongly the same, {100 * missed:.2f} % missed")


if __name__ == "__main__":
    main()
