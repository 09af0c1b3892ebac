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
    after, ``safety_backup`` what was there before, if anything was."""

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
            f"{rows.get('user', 0)} users, {rows.get('media_file', 0)} recordings,"
            f" {rows.get('transcript_segment', 0)} segments, {rows.get('speaker', 0)} speakers."
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
            yield f"{self.unfinished_files} recordings were not finished; they can be tried again."
        yield from self._next_steps()

    def _next_steps(self) -> Iterator[str]:
        for way, count in self.users.items():
            if way != "local":
                yield (
                    f"! {count} users sign in by {WAYS.get(way, way)}, which is not set up here"
                    " yet. Their accounts and recordings are kept; they cannot sign in until it is."
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
            yield f"{made} jobs compute voiceprints and waveforms anew; their pages show how far."


def _name(one: dict[str, Any]) -> str:
    return f"{one['title']} ({one['owner']})"


def _some(lines: list[str]) -> Iterator[str]:
    yield from lines[:SHOWN]
    if len(lines) > SHOWN:
        yield f"    … and {len(lines) - SHOWN} more; the report has them all."
