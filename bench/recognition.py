"""Recognition against faster-whisper's own sequential pass: speed and word errors in the same run.

    python bench/recognition.py --data ../shared/data --models models

Both use the same model on the same recordings with two threads in all; language given, beam 1, VAD
on. Every recording is done ``--rounds`` times by each, in turn; the fastest round of each counts,
because on a busy machine all others measure the neighbours.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel, decode_audio
from word_errors import Block, blocks, difference_interval, error_rate, normalize

from opentranscribe.adapters.asr.devices import choose_device
from opentranscribe.adapters.asr.faster_whisper import FasterWhisperRecognizer
from opentranscribe.adapters.models.store import CachedModelStore
from opentranscribe.ports.asr import RecognitionOptions
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.progress import ignore_progress

THREADS = 2


@dataclass(frozen=True)
class Recording:
    name: str
    seconds: float
    samples: np.ndarray
    pcm: Pcm
    reference: list[str]


@dataclass
class Tally:
    """Seconds per recording and round, and the last transcript of each recording."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    heard: dict[str, str] = field(default_factory=dict)

    def best(self, name: str) -> float:
        return min(self.seconds[name])

    def total(self) -> float:
        return sum(min(times) for times in self.seconds.values())


def read_recordings(data: Path, scratch: Path) -> list[Recording]:
    """Every English recording of the manifest that has a transcript."""
    found = []
    with (data / "manifest.tsv").open(encoding="utf-8") as handle:
        for row in csv.DictReader(handle, delimiter="\t"):
            path = data / "audio" / row["file"]
            if row["language"] != "en" or not row["reference"].endswith(".txt"):
                continue
            if not path.is_file():
                continue
            samples = decode_audio(str(path))
            raw = scratch / f"{row['file']}.raw"
            (np.clip(samples, -1, 1) * 32767).astype("<i2").tofile(raw)
            said = normalize((data / "audio" / row["reference"]).read_text("utf-8"))
            found.append(Recording(row["file"], len(samples) / 16_000, samples, Pcm(raw), said))
    return found


def sequential(folder: Path) -> Callable[[Recording], str]:
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=THREADS)

    def run(recording: Recording) -> str:
        segments, _ = model.transcribe(
            recording.samples,
            language="en",
            beam_size=1,
            vad_filter=True,
            word_timestamps=True,
            condition_on_previous_text=False,
        )
        return " ".join(segment.text for segment in segments)

    return run


def ours(store: CachedModelStore, name: str) -> Callable[[Recording], str]:
    recognizer = FasterWhisperRecognizer(
        store, workers=THREADS, threads_per_worker=1, device=choose_device("cpu")
    )
    options = RecognitionOptions(model=name, language="en")

    def run(recording: Recording) -> str:
        speech = recognizer.detect_speech(recording.pcm, options, ignore_progress)
        _, windows = recognizer.recognize(recording.pcm, speech, options, ignore_progress)
        done = sorted(windows, key=lambda window: window.index)
        return " ".join(segment.text for window in done for segment in window.segments)

    return run


def time_both(
    runs: dict[str, Callable[[Recording], str]], recordings: list[Recording], rounds: int
) -> dict[str, Tally]:
    tallies = {name: Tally() for name in runs}
    for run in runs.values():
        run(recordings[0])
    for number in range(rounds):
        for recording in recordings:
            names = list(runs) if number % 2 == 0 else list(runs)[::-1]
            for name in names:
                begin = time.perf_counter()
                tallies[name].heard[recording.name] = runs[name](recording)
                spent = time.perf_counter() - begin
                tallies[name].seconds.setdefault(recording.name, []).append(spent)
    return tallies


def print_results(recordings: list[Recording], tallies: dict[str, Tally]) -> None:
    theirs, mine = tallies["sequential"], tallies["ours"]
    scored: dict[str, list[Block]] = {name: [] for name in tallies}
    print(f"{'recording':40s} {'s':>6s} {'sequential':>11s} {'ours':>7s} {'ratio':>6s}  WER % each")
    for item in recordings:
        rates = []
        for name, tally in tallies.items():
            found = blocks(item.reference, normalize(tally.heard[item.name]))
            scored[name].extend(found)
            rates.append(f"{error_rate(found) * 100:.1f}")
        ratio = theirs.best(item.name) / mine.best(item.name)
        print(
            f"{item.name:40s} {item.seconds:6.1f} {theirs.best(item.name):11.2f} "
            f"{mine.best(item.name):7.2f} {ratio:6.2f}  {' / '.join(rates)}"
        )
    seconds = sum(item.seconds for item in recordings)
    low, high = difference_interval(scored["ours"], scored["sequential"])
    print(
        f"pooled: {seconds:.0f} s of speech recordings, {os.cpu_count()} x {platform.processor()}"
    )
    for name, tally in tallies.items():
        print(
            f"  {name:11s} {tally.total():7.2f} s = {seconds / tally.total():5.1f} x real time, "
            f"word error rate {error_rate(scored[name]) * 100:.2f} %"
        )
    print(f"speed ratio: {theirs.total() / mine.total():.2f} (wanted: 1.40 or more)")
    print(
        f"difference of error rates, ours less sequential: 95 % interval {low * 100:+.2f} to "
        f"{high * 100:+.2f} points (wanted: includes or is below 0)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.tsv")
    parser.add_argument("--models", type=Path, default=Path("models"), help="MODEL_CACHE_DIR")
    parser.add_argument("--model", default="base")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    store = CachedModelStore(given.models)
    folder = store.fetch(given.model)
    with tempfile.TemporaryDirectory() as scratch:
        recordings = read_recordings(given.data, Path(scratch))
        runs = {"sequential": sequential(folder), "ours": ours(store, given.model)}
        print_results(recordings, time_both(runs, recordings, given.rounds))


if __name__ == "__main__":
    main()
