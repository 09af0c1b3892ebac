"""What can go wrong with a job as such."""

from __future__ import annotations

from opentranscribe.kit.errors import ConflictError, NotFoundError, UnavailableError
from opentranscribe.ports.progress import Cancelled


class JobNotFoundError(NotFoundError):
    code = "job_not_found"


class JobStateError(ConflictError):
    """The job is not in a state in which this can be done."""

    code = "job_state"


class DatabaseAwayError(UnavailableError):
    """The database did not come back within the time a worker waits for it."""

    code = "database_away"


class LeaseLostError(Cancelled):
    """Another worker holds the job now, or its file is gone: stop, write nothing."""


class HandedBack(Cancelled):
    """This process is stopping: the job goes back to the queue and costs no attempt."""
