"""The 48 revisions of the earlier system, in the order they run (not that of their numbers).

What is frozen is the catalogue after each of them, not this text: a step may learn to run online
or to survive bad data.
"""

from opentranscribe.schema.migrations.legacy import (
    v010_baseline,
    v020_v060,
    v070_v140,
    v150_v190,
    v200_v211,
    v220_v270,
    v280_v340,
    v350_v362,
)
from opentranscribe.schema.migrations.steps import Revision

LEGACY: tuple[Revision, ...] = (
    *v010_baseline.REVISIONS,
    *v020_v060.REVISIONS,
    *v070_v140.REVISIONS,
    *v150_v190.REVISIONS,
    *v200_v211.REVISIONS,
    *v220_v270.REVISIONS,
    *v280_v340.REVISIONS,
    *v350_v362.REVISIONS,
)
