"""An installation on a real database, its engines played by ``stepwise``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select
from tests.integration.pipeline import stepwise

from opentranscribe import bootstrap
from opentranscribe.bootstrap import App, build_app
from opentranscribe.features.jobs.runner import JobRunner
from opentranscribe.ports.queue import QUEUES
from opentranscribe.schema.accounts import User
from opentranscribe.schema.jobs import Job, JobStep
from opentranscribe.schema.media import MediaFile
from opentranscribe.schema.transcript import TranscriptDraft, TranscriptSegment
from opentranscribe.settings import Settings
from opentranscribe.work import SYSTEM
from opentranscribe.work.events import FileAdded

SCRIPT = Path(__file__).with_name("stepwise_process.py")


class Installation:
    """One folder and one database; jobs are done in this process or in real ones."""

    def __init__(self, home: Path, database_url: str, engines: dict[str, Any]) -> None:
        self.home = home
        self.database_url = database_url
        self.remote = stepwise.register(bootstrap, home / "remote")
        self.settings = Settings.load(home, database_url=database_url, lease_seconds=1.0, **engines)
        self.app: App = build_app(self.settings)
        self.runner = JobRunner(self.app.work, self.app.kinds, process="test", lease_seconds=1.0)
        self.processes: list[subprocess.Popen[bytes]] = []

    def add_file(self, sound: Path | None = None, **options: Any) -> uuid.UUID:
        """A stored recording with its first job."""
        source = sound or write_sound(self.home / f"{uuid.uuid4()}.wav")
        key = f"media/{uuid.uuid4()}{source.suffix}"
        size = source.stat().st_size
        self.app.ports.objects.put_file(key, source)
        with self.app.work(SYSTEM) as work:
            user = work.session.scalar(select(User).limit(1))
            if user is None:
                user = User(email="ann@example.org", hashed_password="x", full_name="Ann")
                work.session.add(user)
                work.session.flush()
            file = MediaFile(
                user_id=user.id,
                filename="talk.wav",
                storage_path=key,
                file_size=size,
                content_type="audio/wav",
                uuid=uuid.uuid4(),
            )
            work.session.add(file)
            work.session.flush()
            work.emit(FileAdded(file.id, options))
            return file.uuid

    def run_jobs(self) -> None:
        """Do what waits, in this thread."""
        self.app.ports.queue.run_waiting(QUEUES, self.runner.handle)

    def start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "OPENTR_HOME": str(self.home),
            "OPENTR_DATABASE_URL": self.database_url,
            "OPENTR_LEASE_SECONDS": "1",
            "OPENTR_QUEUE_ENGINE": "held_procrastinate" if kind == "worker" else "procrastinate",
            "STEPWISE_FOLDER": str(self.remote.folder),
            "OPENTR_MEDIA_TOOLS_ENGINE": "stepwise",
            "OPENTR_RECOGNIZER_ENGINE": "stepwise",
            "OPENTR_DIARIZER_ENGINE": "stepwise",
            "OPENTR_ENCODER_ENGINE": "none",
            "PYTHONPATH": str(Path(bootstrap.__file__).parents[2]),
        }
        log = (self.home / f"{kind}.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), kind, *arguments], env=environment, stdout=log, stderr=log
        )
        log.close()
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
        self.app.close()

    def file(self, file_uuid: uuid.UUID) -> MediaFile:
        with self.app.work(SYSTEM) as work:
            return work.session.scalars(select(MediaFile).where(MediaFile.uuid == file_uuid)).one()

    def job(self, file_uuid: uuid.UUID, kind: str = "transcription.") -> Job:
        with self.app.work(SYSTEM) as work:
            return work.session.scalars(
                select(Job)
                .join(MediaFile, MediaFile.id == Job.media_file_id)
                .where(MediaFile.uuid == file_uuid, Job.kind.startswith(kind))
                .order_by(Job.id.desc())
                .limit(1)
            ).one()

    def steps(self, job: Job) -> dict[str, JobStep]:
        with self.app.work(SYSTEM) as work:
            rows = work.session.scalars(select(JobStep).where(JobStep.job_id == job.id))
            return {row.name: row for row in rows}

    def segments(self, file_uuid: uuid.UUID) -> list[TranscriptSegment]:
        return self._rows(TranscriptSegment, file_uuid, TranscriptSegment.start_time)

    def drafts(self, file_uuid: uuid.UUID) -> list[TranscriptDraft]:
        return self._rows(TranscriptDraft, file_uuid, TranscriptDraft.window_index)

    def _rows(self, table: Any, file_uuid: uuid.UUID, order: Any) -> list[Any]:
        with self.app.work(SYSTEM) as work:
            return list(
                work.session.scalars(
                    select(table)
                    .join(MediaFile, MediaFile.id == table.media_file_id)
                    .where(MediaFile.uuid == file_uuid)
                    .order_by(order)
                )
            )


def write_sound(path: Path, seconds: float = stepwise.DURATION) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(b"\0\0" * round(seconds * 16_000))
    return path


def wait_until(claim: Callable[[], object], seconds: float = 120.0, what: str = "") -> None:
    until = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < until, f"it did not happen in {seconds} s: {what}"
        time.sleep(0.02)


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """Jobs are done in this process when the test says so."""
    made = Installation(tmp_path, database_url, {**stepwise.ENGINES, "queue_engine": "inline"})
    yield made
    made.stop()


@pytest.fixture
def running_installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """Jobs are done by processes that the test starts; what was committed survives a kill."""
    with create_engine(database_url).connect() as connection:
        name = connection.engine.url.database
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = on")
        connection.commit()
    connection.engine.dispose()
    engines = {**stepwise.ENGINES, "queue_engine": "held_procrastinate"}
    made = Installation(tmp_path, database_url, engines)
    yield made
    made.stop()
