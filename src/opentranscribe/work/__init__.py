"""The unit of work: who acts, one transaction, and what happens once it is committed."""

from opentranscribe.work.actor import SYSTEM, Actor
from opentranscribe.work.unit import Work, WorkFactory

__all__ = ["SYSTEM", "Actor", "Work", "WorkFactory"]
