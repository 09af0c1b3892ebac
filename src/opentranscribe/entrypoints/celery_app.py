"""What Celery's own programs ask for, Flower above all:
``celery -A opentranscribe.entrypoints.celery_app flower``."""

from __future__ import annotations

from opentranscribe.adapters.queue.celery import make_celery
from opentranscribe.settings import Settings

app = make_celery(Settings.load().redis_address)
