"""A pool has as many workers as there is work for."""

from __future__ import annotations

import os
import signal
import uuid

from sqlalchemy import select
from tests.integration.pipeline.conftest import Installation, wait_until

from opentranscribe.schema.jobs import ProcessHeartbeat
from opentranscribe.work import SYSTEM


def living_workers(installation: Installation) -> int:
    with installation.app.work(SYSTEM) as work:
        names = work.session.scalars(select(ProcessHeartbeat.name))
        return sum(name.startswith("worker@") for name in names)


def is_done(installation: Installation, file_uuid: uuid.UUID) -> bool:
    return installation.job(file_uuid).status == "succeeded"


class TestWorkerPool:
    def test_grows_while_recordings_wait_and_shrinks_when_none_is_left(
        self, running_installation: Installation
    ) -> None:
        installation = running_installation
        installation.start("worker", "--queues", "gpu", "--autoscale", "1,3")
        wait_until(lambda: living_workers(installation) == 1)
        installation.remote.hold("window0")
        files = [installation.add_file() for _ in range(4)]
        wait_until(lambda: len(installation.remote.waiting_at("window0")) == 3)
        assert living_workers(installation) == 3
        installation.remote.release("window0")
        wait_until(lambda: all(is_done(installation, one) for one in files))
        wait_until(lambda: living_workers(installation) == 1)

    def test_replaces_a_worker_that_died(self, running_installation: Installation) -> None:
        installation = running_installation
        installation.start("scheduler")
        installation.start("worker", "--queues", "gpu", "--autoscale", "1,1")
        installation.remote.hold("window0")
        file_uuid = installation.add_file()
        wait_until(lambda: installation.remote.waiting_at("window0"))
        (killed,) = installation.remote.waiting_at("window0")
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(installation.remote.waiting_at("window0")) == 2)
        installation.remote.release("window0")
        wait_until(lambda: is_done(installation, file_uuid))

    def test_ends_with_all_its_workers(self, running_installation: Installation) -> None:
        installation = running_installation
        pool = installation.start("worker", "--queues", "gpu", "--autoscale", "2,3")
        wait_until(lambda: living_workers(installation) == 2)
        pool.send_signal(signal.SIGTERM)
        assert pool.wait(60) == 0
        assert living_workers(installation) == 0
