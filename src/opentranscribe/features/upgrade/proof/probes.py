"""The table of probes: each works, or says in a sentence what came instead.

They run in this order; later ones use what earlier ones brought.
"""

from __future__ import annotations

from opentranscribe.features.upgrade.proof import answering, finding, media, pipeline, signing_in
from opentranscribe.features.upgrade.proof.trial import Probes

PROBES: Probes = (
    *answering.PROBES,
    *signing_in.OPENING,
    *pipeline.PROBES,
    *media.READING,
    *finding.PROBES,
    *signing_in.PRIVACY,
    *media.EXPORTS,
    *pipeline.CLOSING,
    *signing_in.CLOSING,
)
#: Processes begin to give signs of life when they have loaded; they are waited for.
STARTING = frozenset({"ready", "workers and scheduler"})
