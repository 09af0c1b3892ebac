"""What was taken over, what was not, and what to do next: for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from opentranscribe.features.takeover.media import MediaResult
from opentranscribe.features.takeover.rules.sealed import SealedResult
from opentranscribe.kit.durable import write_durably

#: A list longer than this is printed in part; the file has all of it.
SHOWN = 10
WAYS = {"ldap": "LDAP", "keycloak": "Keycloak", "pki": "a client certificate"}


@dataclass
class TakeoverReport:
    """``rows`` by table, ``proofs`` a sentence for each table whose rows were compared before and
    after, ``administrators`` those who can sign in, ``second_factors`` the users who had one,
    ``safety_backup`` what was there before, if anything was."""

    id: str
    dump: str
    started_at: str
    finished_at: str = ""
    recognised: str = ""
    revision: str = ""
    applied: list[str] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    proofs: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    cannot_sign_in: list[dict[str, str]] = field(default_factory=list)
    administrators: int = 0
    second_factors: int = 0
    unfinished_files: int = 0
    media: MediaResult = field(default_factory=MediaResult)
    secrets: list[SealedResult] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    jobs: dict[str, int] = field(default_factory=dict)
    safety_backup: str | None = None

    def save(self, path: Path) -> None:
        write_durably(path, json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n")

    def lines(self) -> Iterator[str]:
        """Facts, then what to do next."""
        yield f"{self.recognised} It is now at {self.revision}."
        rows = self.rows
        yield (
            f"{_count(rows.get('user', 0), 'user')}, "
            f"{_count(rows.get('media_file', 0), 'recording')}, "
            f"{_count(rows.get('transcript_segment', 0), 'segment')}, "
            f"{_count(rows.get('speaker', 0), 'speaker')}."
        )
        if self.operations or self.changes:
            yield f"Repaired: {len(self.operations)} changes of the schema."
            yield from _some([f"    {change}" for change in self.changes])
        yield (
            f"Recordings in the store: {self.media.copied} copied, {self.media.present} there"
            f" before, {len(self.media.missing)} missing ({self.media.bytes / 1e6:.1f} MB)."
        )
        yield from _some([f"    missing: {_name(one)}" for one in self.media.missing])
        for what, ones in (
            ("another size", self.media.size_differs),
            ("another checksum", self.media.checksum_differs),
        ):
            yield from _some([f"    {what} than the database says: {_name(one)}" for one in ones])
        if self.unfinished_files:
            yield f"Not finished, can be tried again: {_count(self.unfinished_files, 'recording')}."
        yield from self._next_steps()

    def _next_steps(self) -> Iterator[str]:
        for way, count in self.users.items():
            if way != "local":
                yield (
                    f"! {_count(count, 'user')} signed in by {WAYS.get(way, way)}, which is not set"
                    " up here yet. Accounts and recordings are kept; nobody signs in that way until"
                    " it is."
                )
        if not self.administrators:
            yield (
                "! No administrator can sign in. Make one, once it runs: ./opentr.sh users create"
                " --admin EMAIL"
            )
        if self.second_factors:
            yield (
                f"! {_count(self.second_factors, 'user')} had a second factor. This version does"
                " not ask for one: their password alone lets them in."
            )
        hashes = [one for one in self.cannot_sign_in if one["reason"] == "password"]
        yield from _some(
            [
                f"! {one['email']} has no password that can be checked. Give one:"
                f" ./opentr.sh users reset-password {one['email']}"
                for one in hashes
            ]
        )
        for secret in self.secrets:
            if not secret.is_readable:
                yield (
                    f"! {secret.wrong_key + secret.strange} of {secret.tried} stored secrets tried"
                    f" ({secret.feature}) cannot be read; they have to be entered again."
                )
        if self.media.missing:
            yield "! Transcripts of missing recordings can be read, but not played."
        made = self.jobs.get("voiceprints.recompute", 0)
        if made:
            yield f"Voiceprints and waveforms are computed anew, in {_count(made, 'job')}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _name(one: dict[str, Any]) -> str:
    return f"{one['title']} ({one['owner']})"


def _some(lines: list[str]) -> Iterator[str]:
    yield from lines[:SHOWN]
    if len(lines) > SHOWN:
        yield f"    … and {len(lines) - SHOWN} more; the report has them all."
