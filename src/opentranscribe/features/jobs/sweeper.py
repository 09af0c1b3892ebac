"""What keeps jobs moving when messages or workers are lost; run by one scheduler at a time."""

from __future__ import annotations

import logging

from opentranscribe.features.jobs import queries
from opentranscribe.ports.queue import GPU, Envelope
from opentranscribe.work import SYSTEM, WorkFactory

log = logging.getLogger(__name__)

#: How long a fresh job may wait for its first message to be delivered before another is sent.
GRACE_SECONDS = 5.0
SILENT_PROCESS_SECONDS = 120.0
#: Of jobs that waited while this release was put in place.
RENAMED_QUEUES = {"speech": GPU}


def sweep(work_factory: WorkFactory, grace_seconds: float = GRACE_SECONDS) -> int:
    """Send the messages that may be missing; how many jobs were looked after.

    A message too many is harmless: queues drop one that already waits, and a job is claimed by
    its row. Ending jobs that have used up their attempts is the claim's business too.
    """
    with work_factory(SYSTEM) as work:
        jobs = queries.jobs_to_enqueue(work.session, grace_seconds)
        for job in jobs:
            queue = RENAMED_QUEUES.get(job.queue, job.queue)
            work.enqueue(Envelope(str(job.uuid), queue, job.priority))
        queries.forget_processes(work.session, SILENT_PROCESS_SECONDS)
        count = len(jobs)
    if count:
        log.info("sent the messages of %d jobs again", count)
    return count
