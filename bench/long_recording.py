"""One long recording on one worker, then on two: how much faster, and whether the text is the same.

    python bench/long_recording.py --file bench_en.wav [--minutes 30] [--models DIR]

Real workers with one thread each, on a real PostgreSQL, with the real models. With ``--reference``,
the words said in the file, the word error rates of both are printed too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline import begin_job, duration_of, installation, joined, store
from sqlalchemy import func, select
from word_errors import blocks, error_rate, normalize

from opentranscribe.bootstrap import App
from opentranscribe.features.transcription.service import PROCESS
from opentranscribe.schema.jobs import Job, JobStep, ProcessHeartbeat
from opentranscribe.schema.transcript import TranscriptSegment
from opentranscribe.work import SYSTEM

LEAST_GAIN = 1.7


@dataclass
class Measured:
    seconds: float
    steps: dict[str, float]
    text: str


@contextmanager
def workers(app: App, count: int) -> Iterator[None]:
    """Processes with one thread each that have told that they live."""
    environment = os.environ | {
        "OPENTR_HOME": str(app.settings.home),
        "OPENTR_DATABASE_URL": app.settings.sqlalchemy_url,
        "OPENTR_RECOGNITION_WORKERS": "1",
        "OPENTR_DIARIZATION_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MODEL_CACHE_DIR": str(app.settings.model_cache_dir),
    }
    command = [sys.executable, "-m", "opentranscribe.entrypoints.worker", "--queues", "gpu"]
    processes = [subprocess.Popen(command, env=environment) for _ in range(count)]
    while count_workers(app) < count:
        time.sleep(0.2)
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def count_workers(app: App) -> int:
    with app.work(SYSTEM) as work:
        return work.session.scalar(select(func.count()).select_from(ProcessHeartbeat)) or 0


def run_job(app: App, sound: Path, *, diarize: bool) -> Measured:
    stored = store(app, sound)
    began = time.perf_counter()
    file_id = begin_job(app, sound.name, stored, disable_diarization=not diarize)
    wait_for_job(app, file_id)
    seconds = time.perf_counter() - began
    with app.work(SYSTEM) as work:
        said = work.session.scalars(
            select(TranscriptSegment.text)
            .where(TranscriptSegment.media_file_id == file_id)
            .order_by(TranscriptSegment.start_time)
        )
        return Measured(seconds, step_seconds(app, file_id), " ".join(said))


def wait_for_job(app: App, file_id: int) -> None:
    while True:
        with app.work(SYSTEM) as work:
            query = select(Job).where(Job.media_file_id == file_id, Job.kind == PROCESS)
            job = work.session.scalars(query).one()
            if job.status == "succeeded":
                return
            assert job.status in {"queued", "running"}, job.error_message
        time.sleep(0.2)


def step_seconds(app: App, file_id: int) -> dict[str, float]:
    with app.work(SYSTEM) as work:
        rows = work.session.scalars(
            select(JobStep).join(Job).where(Job.media_file_id == file_id, Job.kind == PROCESS)
        )
        return {
            row.name: (row.finished_at - row.started_at).total_seconds()
            for row in rows
            if row.started_at and row.finished_at
        }


def words_wrong(reference: str, heard: str) -> float:
    return error_rate(blocks(normalize(reference), normalize(heard)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--reference", type=Path, help="the words that are said in it")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--diarize", action="store_true", help="tell voices apart as well")
    chosen = parser.parse_args()
    found: dict[int, Measured] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        installation(chosen.models, queue_engine="procrastinate") as app,
    ):
        sound = joined(chosen.file, chosen.minutes / 60, Path(folder))
        for count in (1, 2):
            with workers(app, count):
                found[count] = run_job(app, sound, diarize=chosen.diarize)
            steps = ", ".join(f"{name} {took:.1f}" for name, took in found[count].steps.items())
            print(f"{count} workers of one thread: {found[count].seconds:6.1f} s ({steps})")
        length = duration_of(sound)
    gain = found[1].seconds / found[2].seconds
    same = found[1].text == found[2].text
    print(f"{length / 60:.1f} minutes of sound; two workers are {gain:.2f} times as fast as one")
    print(f"the texts are {'the same' if same else 'DIFFERENT'}")
    if chosen.reference:
        said = " ".join([chosen.reference.read_text()] * round(length / duration_of(chosen.file)))
        rates = [f"{100 * words_wrong(said, found[count].text):.2f} %" for count in (1, 2)]
        print(f"words wrong: {rates[0]} by one worker, {rates[1]} by two")
    return 0 if gain >= LEAST_GAIN else 1


if __name__ == "__main__":
    sys.exit(main())
