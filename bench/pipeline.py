"""Measures the whole pipeline: a recording in, a stored transcript with speakers out.

    python bench/pipeline.py --file bench_en.wav [--models DIR] [--hours N] [--runs N]

It runs the real job on a real PostgreSQL with the real engines and compares it with its bare parts
(speech detection and recognition beside diarization, on decoded sound, nothing else). ``--hours``
joins the recording with itself to that length, to see that memory does not grow with it.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import threading
import time
import uuid
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from opentranscribe.bootstrap import App, build_app
from opentranscribe.entrypoints.supervisor.postgres import EmbeddedPostgres
from opentranscribe.features.jobs.runner import JobRunner
from opentranscribe.features.transcription.service import PROCESS
from opentranscribe.ports.asr import RecognitionOptions
from opentranscribe.ports.audio import Pcm
from opentranscribe.ports.diarization import SpeakerCount
from opentranscribe.ports.progress import ignore_progress
from opentranscribe.ports.queue import GPU
from opentranscribe.schema.accounts import User
from opentranscribe.schema.jobs import Job, JobStep
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.migrations.runner import upgrade
from opentranscribe.schema.transcript import TranscriptDraft
from opentranscribe.settings import Settings
from opentranscribe.work import SYSTEM
from opentranscribe.work.events import FileAdded

LEAST_TIMES_REAL = 15.0
MOST_OVERHEAD = 0.10
MOST_MEMORY_MB = 2000.0


@contextmanager
def installation(models: Path, **settings: Any) -> Iterator[App]:
    """A database and an application of their own, gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="opentr-bench-"))
    server = EmbeddedPostgres(home / "postgres", home / "run", uuid.uuid4().hex)
    server.make()
    server.start(home / "postgres.log")
    try:
        upgrade(server.url("postgres"))
        app = build_app(
            Settings.load(
                home,
                database_url=server.url("postgres"),
                model_cache_dir=models.resolve(),
                **({"queue_engine": "inline"} | settings),
            )
        )
        yield app
        app.close()
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@dataclass
class Measured:
    """``cpu_seconds`` of this process and its children: tells more on a machine with company."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    first_text_seconds: float | None = None
    steps: dict[str, float] = field(default_factory=dict)


def store(app: App, sound: Path) -> tuple[str, int]:
    """A copy in the object store: its key and bytes."""
    copy = app.settings.home / f"{uuid.uuid4()}{sound.suffix}"
    shutil.copyfile(sound, copy)
    key, size = f"media/{copy.name}", copy.stat().st_size
    app.ports.objects.put_file(key, copy)
    return key, size


def begin_job(app: App, name: str, stored: tuple[str, int], **options: Any) -> int:
    """The id of the file, whose transcription waits in the queue now."""
    key, size = stored
    with app.work(SYSTEM) as work:
        user = work.session.scalar(select(User).limit(1))
        if user is None:
            user = User(email="bench@example.org", hashed_password="-")
            work.session.add(user)
            work.session.flush()
        file = MediaFile(
            user_id=user.id,
            filename=name,
            storage_path=key,
            file_size=size,
            content_type="audio/wav",
        )
        work.session.add(file)
        work.session.flush()
        work.emit(FileAdded(file.id, options))
        return file.id


def run_job(app: App, sound: Path) -> Measured:
    """Upload and job, from the moment the file is stored to the stored transcript."""
    stored = store(app, sound)
    found = Measured()
    began, cpu = time.perf_counter(), cpu_seconds()
    file_id = begin_job(app, sound.name, stored)
    stop = threading.Event()
    watcher = threading.Thread(target=watch_first_text, args=(app, file_id, began, found, stop))
    watcher.start()
    runner = JobRunner(app.work, app.kinds, process="bench")
    queue: Any = app.ports.queue
    queue.run_waiting([GPU], runner.handle)
    found.seconds, found.cpu_seconds = time.perf_counter() - began, cpu_seconds() - cpu
    stop.set()
    watcher.join()
    with app.work(SYSTEM) as work:
        of_file = select(Job).where(Job.media_file_id == file_id, Job.kind == PROCESS)
        job = work.session.scalars(of_file).first()
        assert job is not None
        assert job.status == "succeeded", f"{job.error_code}: {job.error_message}"
        assert not work.session.get_one(MediaFile, file_id).notices
        for step in work.session.scalars(select(JobStep).where(JobStep.job_id == job.id)):
            if step.started_at and step.finished_at:
                found.steps[step.name] = (step.finished_at - step.started_at).total_seconds()
    return found


def watch_first_text(
    app: App, file_id: int, began: float, found: Measured, stop: threading.Event
) -> None:
    while not stop.wait(0.1):
        with app.work(SYSTEM) as work:
            query = select(TranscriptDraft.id).where(TranscriptDraft.media_file_id == file_id)
            if work.session.scalar(query.limit(1)) is not None:
                found.first_text_seconds = time.perf_counter() - began
                return


def run_bare_parts(app: App, sound: Path) -> Measured:
    """Decoding, then recognition beside diarization, and nothing else."""
    folder = Path(tempfile.mkdtemp(prefix="opentr-bare-"))
    began, cpu = time.perf_counter(), cpu_seconds()
    app.ports.media_tools.decode(sound, folder / "a.s16", folder / "p.i16", ignore_progress)
    audio = Pcm(folder / "a.s16")

    def recognize() -> None:
        options = RecognitionOptions(model=app.options.default_model)
        speech = app.ports.recognizer.detect_speech(audio, options, ignore_progress)
        _, windows = app.ports.recognizer.recognize(audio, speech, options, ignore_progress)
        for _ in windows:
            pass

    def diarize() -> None:
        app.ports.diarizer.diarize(audio, SpeakerCount(), ignore_progress)

    both = [threading.Thread(target=recognize), threading.Thread(target=diarize)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    found = Measured(time.perf_counter() - began, cpu_seconds() - cpu)
    shutil.rmtree(folder)
    return found


def joined(sound: Path, hours: float, folder: Path) -> Path:
    """The recording repeated until it is that long (PCM WAV only)."""
    target = folder / "long.wav"
    with wave.open(str(sound)) as source, wave.open(str(target), "wb") as sink:
        sink.setparams(source.getparams())
        frames = source.readframes(source.getnframes())
        wanted = round(hours * 3600 * source.getframerate())
        for _ in range(-(-wanted // source.getnframes())):
            sink.writeframes(frames)
    return target


def duration_of(sound: Path) -> float:
    with wave.open(str(sound)) as source:
        return source.getnframes() / source.getframerate()


def best(run: Callable[[], Measured], runs: int) -> Measured:
    return min((run() for _ in range(runs)), key=lambda found: found.seconds)


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--hours", type=float, default=0.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--recognition-workers", type=int, default=2)
    parser.add_argument("--diarization-threads", type=int, default=1)
    chosen = parser.parse_args()
    threads = {
        "recognition_workers": chosen.recognition_workers,
        "diarization_threads": chosen.diarization_threads,
    }
    with installation(chosen.models, **threads) as app, tempfile.TemporaryDirectory() as folder:
        run_bare_parts(app, chosen.file)  # loads the models
        if chosen.hours:
            return measure_long(app, chosen, Path(folder))
        return measure_short(app, chosen)


def measure_short(app: App, chosen: argparse.Namespace) -> int:
    duration = duration_of(chosen.file)
    bare = best(lambda: run_bare_parts(app, chosen.file), chosen.runs)
    job = best(lambda: run_job(app, chosen.file), chosen.runs)
    overhead = job.seconds / bare.seconds - 1
    speed = duration / job.seconds
    print(f"recording              {duration:8.1f} s, model {app.options.default_model}")
    print(f"whole pipeline         {job.seconds:8.2f} s = {speed:.1f} x real time")
    print(
        f"bare parts             {bare.seconds:8.2f} s = {duration / bare.seconds:.1f} x real time"
    )
    print(f"our own overhead       {overhead * 100:8.1f} %")
    print(f"processor seconds      {job.cpu_seconds:8.1f} whole, {bare.cpu_seconds:.1f} bare parts")
    print(f"first text after       {job.first_text_seconds or 0:8.2f} s")
    print(f"peak memory            {peak_memory_mb():8.0f} MB")
    print("steps                  " + ", ".join(f"{n} {s:.2f}" for n, s in job.steps.items()))
    reached = speed >= LEAST_TIMES_REAL and overhead < MOST_OVERHEAD
    print("reached" if reached and peak_memory_mb() <= MOST_MEMORY_MB else "MISSED")
    return 0 if reached else 1


def measure_long(app: App, chosen: argparse.Namespace, folder: Path) -> int:
    before = peak_memory_mb()
    sound = joined(chosen.file, chosen.hours, folder)
    job = run_job(app, sound)
    duration = duration_of(sound)
    speed = duration / job.seconds
    print(f"recording              {duration / 3600:8.2f} h")
    print(f"whole pipeline         {job.seconds:8.1f} s = {speed:.1f} x real time")
    print(f"first text after       {job.first_text_seconds or 0:8.2f} s")
    print(f"peak memory            {peak_memory_mb():8.0f} MB (short recording: {before:.0f} MB)")
    print("steps                  " + ", ".join(f"{n} {s:.1f}" for n, s in job.steps.items()))
    reached = peak_memory_mb() <= MOST_MEMORY_MB
    print("reached" if reached else "MISSED")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
