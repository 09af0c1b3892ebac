"""What the probes share: who visits, what earlier ones brought for later ones, how one fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from opentranscribe.features.upgrade.proof.people import OwnedFile, Person
from opentranscribe.features.upgrade.proof.visitor import ProbeFailedError, Visitor


class NotApplicableError(Exception):
    """There is nothing to try this on here; no failure."""


@dataclass
class Trial:
    """``speech`` is a short WAV file, None where there is none; ``page`` is the page of this
    release, None where it has none built; ``deadline`` as of ``time.monotonic``."""

    visitor: Visitor
    person: Person
    owned: OwnedFile | None
    version: str
    speech: bytes | None
    page: bytes | None
    deadline: float
    #: The first bytes of what is stored under the owned recording.
    stored: bytes = b""
    signed_in: Visitor | None = None
    uploaded: str = ""
    said: str = ""
    #: Whether the recording was found by a word of it.
    is_indexed: bool = False
    events: list[str] = field(default_factory=list)

    @property
    def member(self) -> Visitor:
        if self.signed_in is None:
            raise ProbeFailedError("signing in did not work")
        return self.signed_in

    @property
    def owner(self) -> tuple[Visitor, OwnedFile]:
        """Somebody with a transcript: its owner, or where there is none yet, whoever uploaded."""
        if self.owned is not None:
            return replace(self.visitor, token=self.owned.token), self.owned
        if not self.said:
            raise NotApplicableError("there is no transcript yet")
        return self.member, OwnedFile(self.uploaded, "", self.said, self.member.token)

    @property
    def own_upload(self) -> str:
        if not self.uploaded:
            raise NotApplicableError("nothing was uploaded")
        return self.uploaded

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())


#: Does it and says what worked. Raises ProbeFailedError, NotApplicableError, or whatever is wrong.
Act = Callable[[Trial], str]
Probes = tuple[tuple[str, Act], ...]


def expect(claim: object, otherwise: str) -> None:
    if not claim:
        raise ProbeFailedError(otherwise)
