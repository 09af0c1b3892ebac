"""What Prometheus is told of the installation, from PostgreSQL at each look.

Names are in the base units of their quantity (seconds, bytes). What happened in the last day is
told as gauges: rows go with the recordings they belong to, so that no counter could be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from opentranscribe.features.readiness import metrics_queries as queries
from opentranscribe.features.readiness import queries as readiness
from opentranscribe.kit import clock
from opentranscribe.work import SYSTEM, Work, WorkFactory

PREFIX = "opentranscribe"
WINDOW = timedelta(days=1)
LIVE = timedelta(seconds=60)
TRANSCRIPTION = "transcription.process"
INDEX = "search.index_file"


def gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", about, labels=labels)


class InstallationCollector(Collector):
    """Says of itself whether the database answered; nothing else is told when it did not."""

    def __init__(self, work: WorkFactory, version: str) -> None:
        self._work = work
        self._version = version

    def collect(self) -> Iterator[Metric]:
        answered = gauge("database_up", "1 when the database answered this look")
        try:
            with self._work(SYSTEM) as work:
                found = [metric for part in PARTS for metric in part(work, self._version)]
        except SQLAlchemyError:
            answered.add_metric([], 0)
            yield answered
            return
        answered.add_metric([], 1)
        yield answered
        yield from found


def _about_itself(work: Work, version: str) -> Iterator[Metric]:
    info = gauge("info", "1; release and schema are in the labels", "version", "schema")
    info.add_metric([version, queries.read_revision(work)], 1)
    yield info
    processes = gauge("processes", "Workers and schedulers that live", "kind", "version")
    for kind, release, count in queries.iter_processes(work, clock.now() - LIVE):
        processes.add_metric([kind, release], count)
    yield processes


def _about_recordings(work: Work, _version: str) -> Iterator[Metric]:
    files = gauge("files", "Recordings", "status")
    for status, count in readiness.count_files_by_status(work).items():
        files.add_metric([status], count)
    yield files
    _, seconds, size = readiness.sum_files(work)
    for name, about, value in (
        ("recordings_seconds", "Length of all recordings", seconds),
        ("recordings_bytes", "Size of all recordings", size),
    ):
        metric = gauge(name, about)
        metric.add_metric([], value)
        yield metric


def _about_jobs(work: Work, _version: str) -> Iterator[Metric]:
    jobs = gauge("jobs", "Jobs by what they do and how they stand", "kind", "status")
    for kind, status, count in queries.iter_jobs(work):
        jobs.add_metric([kind, status], count)
    yield jobs
    depth = gauge("queue_jobs", "Jobs that wait for a worker", "queue", "kind")
    oldest = gauge("queue_oldest_seconds", "How long the first of them waits", "queue", "kind")
    lag = 0.0
    for one in queries.iter_waiting(work, clock.now()):
        depth.add_metric([one.queue, one.kind], one.jobs)
        oldest.add_metric([one.queue, one.kind], one.oldest_seconds)
        lag = max(lag, one.oldest_seconds if one.kind == INDEX else 0.0)
    yield from (depth, oldest)
    behind = gauge("search_lag_seconds", "How far the search is behind the transcripts")
    behind.add_metric([], lag)
    yield behind


def _about_steps(work: Work, _version: str) -> Iterator[Metric]:
    since = clock.now() - WINDOW
    count = gauge("steps_1d", "Steps that ended in the last day", "kind", "step", "status")
    mean = gauge("step_seconds_mean_1d", "How long they took", "kind", "step", "status")
    for one in queries.iter_steps(work, since):
        count.add_metric([one.kind, one.step, one.status], one.count)
        mean.add_metric([one.kind, one.step, one.status], one.seconds / one.count)
    yield from (count, mean)
    factor = queries.read_realtime_factor(work, TRANSCRIPTION, since)
    speed = gauge("realtime_factor_1d", "Seconds of recordings done in a second of work")
    if factor is not None:
        speed.add_metric([], factor)
    yield speed


Part = Callable[[Work, str], Iterator[Metric]]
PARTS: tuple[Part, ...] = (_about_itself, _about_recordings, _about_jobs, _about_steps)
