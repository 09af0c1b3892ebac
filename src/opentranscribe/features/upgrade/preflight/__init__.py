"""Look before an update: everything that could go wrong and can be known beforehand, in seconds."""

from opentranscribe.features.upgrade.preflight.context import BackupFact, Context, TargetRelease
from opentranscribe.features.upgrade.preflight.findings import Finding, Report
from opentranscribe.features.upgrade.preflight.service import run_preflight

__all__ = ["BackupFact", "Context", "Finding", "Report", "TargetRelease", "run_preflight"]
