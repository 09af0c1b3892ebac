"""Revisions of our own, after the frozen legacy chain."""

from opentranscribe.schema.migrations.steps import Revision
from opentranscribe.schema.migrations.versions import (
    v400_add_jobs_and_voiceprints,
    v401_cascade_deletes,
    v402_add_upgrade_records,
)

OURS: tuple[Revision, ...] = (
    v400_add_jobs_and_voiceprints.REVISION,
    v401_cascade_deletes.REVISION,
    v402_add_upgrade_records.REVISION,
)
