"""Whom a voice may be, of very many people: who is worth being compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class VoiceQuery:
    """``vectors`` are L2-normalised voiceprints of one embedding space; people of ``user_id``."""

    user_id: int
    model: str
    version: str
    vectors: tuple[NDArray[np.float32], ...]
    most: int = 20


class VoiceIndex(Protocol):
    def nearest_people(self, session: Session, query: VoiceQuery) -> set[int] | None:
        """Profile ids with, for each voice, the ``most`` people whose mean print is nearest. None
        where that is not known at the moment: then everybody has to be compared."""
        ...

    def catch_up(self) -> int:
        """Carry what was committed to wherever it has not arrived; how much. Called every few
        seconds; what cannot be carried yet waits for the next time."""
        ...

    def begin_anew(self) -> None:
        """Have everything carried again, in place."""
        ...
