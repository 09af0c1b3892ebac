"""Identities told beforehand, for tests and demonstrations."""

from __future__ import annotations

from collections.abc import Mapping

from opentranscribe.ports.identity import Credentials, ExternalIdentity, IdentityUnavailableError


class ScriptedIdentity:
    """``people`` maps (username, password) to who that is."""

    def __init__(
        self, people: Mapping[tuple[str, str], ExternalIdentity], method: str = "scripted"
    ) -> None:
        self._people = dict(people)
        self.method = method
        self.is_down = False

    def authenticate(self, credentials: Credentials) -> ExternalIdentity | None:
        self.ping()
        return self._people.get((credentials.username, credentials.password))

    def ping(self) -> None:
        if self.is_down:
            raise IdentityUnavailableError("The directory is not answering.")
