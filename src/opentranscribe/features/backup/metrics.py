"""What Prometheus is told of the backups, from the file beside them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from opentranscribe.features.backup.catalogue import BackupSet, Catalogue
from opentranscribe.kit import clock


class BackupCollector(Collector):
    """Ages are missing where there is nothing of that kind: alert on their absence, too."""

    def __init__(self, backups_dir: Path) -> None:
        self._catalogue = Catalogue(backups_dir)

    def collect(self) -> Iterator[Metric]:
        found = self._catalogue.list()
        count = GaugeMetricFamily(
            "opentranscribe_backups", "Backups by what is known of them", labels=["state"]
        )
        for state in sorted({one.record.state for one in found}):
            count.add_metric([state], sum(1 for one in found if one.record.state == state))
        yield count
        yield _age("backup", "the newest good backup", next(_good(found), None))
        drilled = [one for one in found if one.record.drilled_at]
        newest = max(drilled, key=lambda one: one.record.drilled_at or "", default=None)
        moment = datetime.fromisoformat(newest.record.drilled_at or "") if newest else None
        yield _age("backup_drill", "the last rehearsed restore", moment)
        took = GaugeMetricFamily(
            "opentranscribe_backup_drill_seconds", "How long that took to have its database ready"
        )
        if newest and newest.record.rto_seconds is not None:
            took.add_metric([], newest.record.rto_seconds)
        yield took
        tried = max(found, key=lambda one: one.record.drill_tried_at or "", default=None)
        came_back = GaugeMetricFamily(
            "opentranscribe_backup_drill_ok", "Whether the last rehearsed restore succeeded"
        )
        if tried and tried.record.drill_tried_at:
            came_back.add_metric([], float(tried.record.drill_failure is None))
        yield came_back


def _good(found: list[BackupSet]) -> Iterator[datetime]:
    return (one.made_at for one in found if one.is_good)


def _age(name: str, of: str, moment: datetime | None) -> Metric:
    metric = GaugeMetricFamily(f"opentranscribe_{name}_age_seconds", f"Age of {of}")
    if moment is not None:
        metric.add_metric([], max(0.0, (clock.now() - moment).total_seconds()))
    return metric
