"""Measures the diarization that ships: error rates and speed, on recordings with references.

    python bench/diarization.py --data DIR [--model FOLDER | --cache FOLDER] [--threads N]

DIR holds ``audio/`` with the recordings and ``.rttm`` references named below. Without ``--model``
the networks are fetched into the cache (``models``). One setting for all recordings; nobody tells the
number of speakers.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import av
from diarization_error import Spoken, measure_error, read_rttm

from opentranscribe.adapters.diarization.onnx import OnnxDiarizer
from opentranscribe.adapters.models.store import CachedModelStore
from opentranscribe.ports.audio import SAMPLE_RATE_HZ, Pcm
from opentranscribe.ports.diarization import SpeakerCount
from opentranscribe.ports.progress import ignore_progress

#: recording, reference, error to stay under in percent (none: the reference is a program's answer).
RECORDINGS = (
    ("vox_aepyx_8k.wav", "vox_aepyx.rttm", 9.0),
    ("pya_sample.wav", "pya_sample.rttm", 2.0),
    ("syn_2spk.wav", "syn_2spk.rttm", 6.0),
    ("syn_4spk.wav", "syn_4spk.rttm", 6.0),
    ("spk_test_3speakers.wav", "spk_test_3speakers.rttm", None),
)
LEAST_TIMES_REAL = 34.0
_ROW = "{:24} {:>7} {:>7} {:>7} {:>7} {:>7} {:>9} {:>8}"


def decode(source: Path, target: Path) -> Pcm:
    resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE_HZ)
    with av.open(str(source)) as container, target.open("wb") as sink:
        for frame in [*container.decode(audio=0), None]:
            for part in resampler.resample(frame):
                sink.write(part.to_ndarray().tobytes())
    return Pcm(target)


def measure(diarizer: OnnxDiarizer, data: Path, scratch: Path) -> bool:
    """Prints a row a recording and a sum; True if every figure is reached."""
    print(
        _ROW.format(
            "recording", "DER %", "missed", "false", "confus.", "limit", "speakers", "x real"
        )
    )
    reached, sound, spent, work = True, 0.0, 0.0, 0.0
    for name, reference_name, limit in RECORDINGS:
        audio = decode(data / "audio" / name, scratch / f"{name}.pcm")
        reference = read_rttm(data / "audio" / reference_name)
        begin, worked = time.perf_counter(), time.process_time()
        result = diarizer.diarize(audio, SpeakerCount(), ignore_progress)
        seconds = time.perf_counter() - begin
        work += time.process_time() - worked
        sound, spent = sound + audio.duration_seconds, spent + seconds
        found = [Spoken(turn.start, turn.end, str(turn.speaker)) for turn in result.turns]
        error = measure_error(reference, found)
        parts = [100 * x / error.total for x in (error.missed, error.false, error.confused)]
        expected = len({part.speaker for part in reference})
        right = limit is None or (100 * error.rate <= limit and expected == result.speaker_count)
        reached = reached and right
        print(
            _ROW.format(
                name,
                f"{100 * error.rate:.1f}",
                *(f"{part:.1f}" for part in parts),
                limit or "-",
                f"{result.speaker_count} of {expected}",
                f"{audio.duration_seconds / seconds:.0f}",
            ),
            "" if right else "  NOT REACHED",
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{sound:.0f} s of sound in {spent:.1f} s: {sound / spent:.0f} x real time, "
        f"{1000 * work / sound:.1f} ms of processor time a second of sound, {peak:.0f} MB"
    )
    return reached and sound / spent >= LEAST_TIMES_REAL


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="folder with the two networks")
    parser.add_argument("--cache", type=Path, default=Path("models"), help="model cache")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    folder = options.model or CachedModelStore(options.cache).fetch("speaker-diarization-onnx")
    diarizer = OnnxDiarizer(lambda: folder, threads=options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        return 0 if measure(diarizer, options.data, Path(scratch)) else 1


if __name__ == "__main__":
    sys.exit(main())
