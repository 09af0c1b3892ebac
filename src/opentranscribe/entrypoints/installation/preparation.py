"""Everything that an update finds out before it stops anything: checks, backup, rehearsal."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from opentranscribe.entrypoints.installation.backups import InstallationBackups
from opentranscribe.entrypoints.installation.checks import preflight_context
from opentranscribe.entrypoints.installation.embedded import EmbeddedDeployment
from opentranscribe.features.upgrade import queries
from opentranscribe.features.upgrade.breaking import (
    BreakingChange,
    InstallationProbe,
    changes_between,
    read_changes,
    relevant,
    renamed_settings,
)
from opentranscribe.features.upgrade.env_merge import Merged, diff_env, merge_env
from opentranscribe.features.upgrade.errors import UpdateRefusedError
from opentranscribe.features.upgrade.expectation import expect
from opentranscribe.features.upgrade.journal import list_journals
from opentranscribe.features.upgrade.preflight import Report, run_preflight
from opentranscribe.features.upgrade.proof.verdict import State, read_states
from opentranscribe.kit import clock
from opentranscribe.kit.errors import AppError
from opentranscribe.ports.deployment import DeploymentError, Release
from opentranscribe.settings import Settings, by_every_name
from opentranscribe.work import databases

REHEARSAL = "opentranscribe_rehearsal"
REHEARSED_COPY = f"{REHEARSAL}_copy"
#: How a question about the database begins; the rest is the name of a table.
ROWS_IN = "rows in "
MARKS = {"blocker": "✗", "warning": "!", "note": "·"}


@dataclass(frozen=True)
class Rehearsal:
    """``measured`` are the seconds that steps of the update took; ``database_bytes`` what the
    migrated copy will have on disk, beside the old database that is kept; ``trouble`` is why it
    failed."""

    measured: Mapping[str, float] = field(default_factory=dict)
    database_bytes: int = 0
    trouble: str = ""


@dataclass(frozen=True)
class Prepared:
    """``breaking`` are the changes that touch this installation; ``merged_env`` is the new text of
    ``.env``, None to leave it; ``proved`` is how each probe ended on what runs now, nothing where
    nothing runs; ``measured`` and ``expected`` are seconds of the update's steps; the rest is as in
    `Rehearsal`."""

    report: Report
    breaking: tuple[BreakingChange, ...] = ()
    merged_env: str | None = None
    env_difference: str = ""
    backup: Path | None = None
    measured: Mapping[str, float] = field(default_factory=dict)
    expected: Mapping[str, float] = field(default_factory=dict)
    database_bytes: int = 0
    proved: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""

    @property
    def may_begin(self) -> bool:
        return not self.report.blockers and not self.trouble

    @property
    def seconds(self) -> float:
        """How long the update will take once it is begun."""
        return sum(self.expected.values())

    @property
    def migrate_seconds(self) -> float:
        return self.measured.get("migrate", 0.0)

    def lines(self) -> Iterator[tuple[str, str]]:
        """A mark and a sentence each, for people."""
        for finding in self.report.findings:
            yield MARKS[finding.severity], f"{finding.title}: {finding.cause}"
            if finding.mend:
                yield " ", f"  {finding.mend}"
        yield "✓", f"{len(self.report.passed)} checks passed in {self.report.seconds:.1f} s"
        for name in (name for name, state in self.proved.items() if state == "failed"):
            yield "!", f"Does not work now, and need not after the update: {name}"
        for change in self.breaking:
            yield "!", f"{change.summary} {change.action}"
        if self.backup:
            yield "✓", f"Verified backup: {self.backup}"
        if self.trouble:
            yield "✗", f"The rehearsal failed: {self.trouble}"
        elif self.backup:
            room = f"{self.database_bytes / 1e6:.0f} MB beside the old one, which is kept"
            took = f"{self.migrate_seconds:.1f} s"
            yield "✓", f"Rehearsed on a copy: the database takes {took}, and {room}"

    def as_json(self, old: Release, new: Release) -> dict[str, Any]:
        """For the page."""
        return {
            "from_version": old.version.removeprefix("v"),
            "to_version": new.version.removeprefix("v"),
            "checked_at": clock.now().isoformat(),
            "may_begin": self.may_begin,
            "seconds": round(self.seconds, 1),
            "backup": str(self.backup) if self.backup else "",
            "trouble": self.trouble,
            "migrate_seconds": round(self.migrate_seconds, 1),
            "database_bytes": self.database_bytes,
            "breaking": [f"{one.summary} {one.action}" for one in self.breaking],
            "env_difference": self.env_difference,
            "report": self.report.as_json(),
        }


class Preparation:
    """Changes nothing that is in use; may be repeated at will."""

    def __init__(
        self,
        settings: Settings,
        deployment: EmbeddedDeployment,
        tell: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._deployment = deployment
        self._backups = InstallationBackups(settings)
        self._tell = tell

    def prepare(self, old: Release, new: Release) -> Prepared:
        self._tell("Checking this installation")
        url = self._deployment.open_database()
        try:
            context = preflight_context(self._settings, self._deployment, old=old, new=new, url=url)
            report = run_preflight(context)
            if report.blockers:
                return Prepared(report)
            merged, difference = self._merge_env(old, new)
            proved, prove_seconds = self._prove(old)
            backup = self._make_backup()
            rehearsal = self._rehearse(new, backup, url)
            measured = {**rehearsal.measured, **prove_seconds}
            return Prepared(
                report,
                breaking=self._touching(old, new, url),
                merged_env=merged,
                env_difference=difference,
                backup=backup,
                measured=measured,
                expected=expect(list_journals(self._settings.update_dir), measured),
                database_bytes=rehearsal.database_bytes,
                proved=proved,
                trouble=rehearsal.trouble,
            )
        finally:
            self._deployment.close_database()

    def _prove(self, old: Release) -> tuple[dict[str, State], dict[str, float]]:
        """What works before must work after; and only that. How long that took, too."""
        if not self._deployment.is_running():
            return {}, {}
        self._tell("Trying what works now")
        started = time.monotonic()
        try:
            report = self._deployment.run(old, ["prove", "--json", "--wait", "5"], {})
        except DeploymentError as error:
            self._tell(f"That cannot be tried: {error.message}")
            return {}, {}
        return read_states(json.loads(report)), {"prove": time.monotonic() - started}

    def _make_backup(self) -> Path:
        self._tell("Making a verified backup")
        return self._backups.make()

    def _rehearse(self, new: Release, backup: Path, url: str) -> Rehearsal:
        """What the update will do to the database, done to one made from the backup: copied as it
        will be, and migrated by the new release."""
        self._tell("Rehearsing on a copy of the database")
        with databases.administer(url) as connection:
            databases.drop_database(connection, REHEARSAL)
            databases.drop_database(connection, REHEARSED_COPY)
            try:
                self._backups.restore_into(backup, REHEARSAL)
                return self._rehearse_on_copy(connection, new, url)
            except AppError as error:
                return Rehearsal(trouble=error.message)
            finally:
                databases.drop_database(connection, REHEARSAL)
                databases.drop_database(connection, REHEARSED_COPY)

    def _rehearse_on_copy(
        self, connection: databases.Connection, new: Release, url: str
    ) -> Rehearsal:
        """The backup's database is tighter than the live one, which the sizes are corrected by."""
        live = queries.measure_database(connection, databases.name_of(url))
        before = queries.measure_database(connection, REHEARSAL)
        databases.write_out(connection)
        started = time.monotonic()
        databases.copy_database(connection, REHEARSAL, REHEARSED_COPY)
        copied = time.monotonic()
        databases.drop_database(connection, REHEARSAL)
        began = time.monotonic()
        environment = {"DATABASE_URL": databases.with_name(url, REHEARSED_COPY)}
        self._deployment.run(new, ["db", "upgrade", "--yes"], environment)
        databases.write_out(connection)
        migrated = time.monotonic()
        after = queries.measure_database(connection, REHEARSED_COPY)
        measured = {"keep": (copied - started) * live / before, "migrate": migrated - began}
        return Rehearsal(measured, live + after - before)

    def _touching(self, old: Release, new: Release, url: str) -> tuple[BreakingChange, ...]:
        features = {"embedded database"} if self._settings.uses_embedded_postgres else set()
        if not self._settings.uses_embedded_postgres:
            features.add("external database")
        changes = read_changes(new.facts)
        questions = {str(one.touches.get("database", "")) for one in changes}
        probe = InstallationProbe(
            by_every_name(self._settings.written_variables()),
            frozenset(features),
            {one: partial(_ask, url, one) for one in questions if one.startswith(ROWS_IN)},
        )
        return tuple(relevant(changes, old.version, new.version, probe))

    def _merge_env(self, old: Release, new: Release) -> tuple[str | None, str]:
        """The new text of ``.env``, None where nothing changes; and the difference to show."""
        path = self._settings.home / ".env"
        template = self._settings.home / ".env.example"
        if new.files is None or not path.is_file() or not template.is_file():
            return None, ""
        try:
            user = path.read_bytes().decode()
        except UnicodeDecodeError as error:
            raise UpdateRefusedError(
                f"{path} is not text in UTF-8 ({error.reason}). Nothing was changed; save it as"
                " UTF-8 and try again."
            ) from error
        merged: Merged = merge_env(
            template.read_text(encoding="utf-8"),
            (new.files / ".env.example").read_text(encoding="utf-8"),
            user,
            renames=renamed_settings(
                changes_between(read_changes(new.facts), old.version, new.version)
            ),
            make_secret=lambda _name: secrets.token_urlsafe(32),
        )
        if merged.text == user:
            return None, ""
        return merged.text, diff_env(user, merged.text)


def _ask(url: str, question: str) -> bool:
    with databases.connect(url) as connection:
        return queries.has_rows(connection, question.removeprefix(ROWS_IN))
