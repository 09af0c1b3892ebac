"""Each check is shown a sound installation and one thing that is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.features.upgrade.preflight.sound import (
    GIB,
    HOME,
    NOW,
    RELEASE,
    Fault,
    backup,
    both,
    context,
    disk,
    folder,
    given,
    sound_facts,
    target,
    with_,
)

from opentranscribe.features.upgrade.preflight import facts as known
from opentranscribe.features.upgrade.preflight.context import TargetRelease
from opentranscribe.features.upgrade.preflight.facts import Missing
from opentranscribe.features.upgrade.preflight.findings import Report
from opentranscribe.features.upgrade.preflight.service import CHECKS, decide

JOURNAL = HOME / "data/update/1/journal.jsonl"
STOPPED = both(
    context(is_running=False),
    given("ports", (known.Port("page", 5173, "free"), known.Port("API", 5174, "free"))),
)
#: (check, severity, what is wrong)
FAULTS: list[tuple[str, str, Fault]] = [
    ("release-version", "blocker", target("0.9.0")),
    ("release-version", "blocker", target("1.0.0rc1")),
    ("release-version", "note", target("1.0.0")),
    ("release-version", "warning", target("main")),
    ("release-facts", "blocker", target(without="oldest_writer")),
    ("release-files", "blocker", with_("release", changed=("cli.py",))),
    ("release-files", "blocker", with_("release", missing=("cli.py",))),
    ("release-python", "blocker", target(python_requires=">=3.12")),
    ("release-python", "blocker", target(python_requires=">=3.9,<3.11")),
    ("release-python", "warning", target(python_requires="new enough")),
    ("release-schema", "blocker", with_("schema", target="behind")),
    ("release-schema", "blocker", with_("schema", target="unknown")),
    ("current-release", "blocker", given("releases", known.Releases((), None, "it is gone"))),
    ("running-release", "warning", with_("releases", current="1.2.0+x")),
    ("kept-releases", "note", with_("releases", kept=("1", "2", "3", "4", "5"))),
    ("database-tools", "blocker", with_("tools", major=None)),
    ("database-version", "blocker", with_("server", major=15)),
    ("database-version", "blocker", with_("server", major=19)),
    ("database-kind", "blocker", with_("schema", kind="refused", reason="Not ours.")),
    ("database-drift", "note", with_("schema", kind="drifted", differences=("lacks a",))),
    ("database-encoding", "blocker", with_("server", encoding="LATIN1")),
    ("database-collation", "warning", with_("server", collation_stored="2.31")),
    ("database-connections", "warning", with_("server", used_connections=85)),
    ("database-connections", "blocker", with_("server", used_connections=96)),
    ("create-databases", "blocker", with_("rights", may_create_databases=False)),
    ("create-tables", "blocker", with_("rights", may_create_tables=False)),
    ("create-tables", "blocker", with_("rights", may_create_schemas=False)),
    ("see-sessions", "note", with_("rights", sees_other_sessions=False)),
    ("database-read-only", "blocker", with_("server", read_only=True)),
    ("database-standby", "blocker", with_("server", standby=True)),
    ("database-age", "warning", with_("server", age=1_200_000_000)),
    ("database-age", "blocker", with_("server", age=1_900_000_000)),
    ("statement-timeout", "warning", with_("server", statement_timeout_ms=30_000)),
    ("autovacuum", "warning", with_("server", autovacuum=False)),
    ("database-durability", "warning", with_("server", durable=False)),
    ("database-damage", "blocker", with_("server", damaged_pages=2)),
    (
        "long-transactions",
        "warning",
        given("sessions", (known.Session(7, "report", 61.0, idle=False),)),
    ),
    (
        "idle-transactions",
        "warning",
        given("sessions", (known.Session(7, "psql", 31.0, idle=True),)),
    ),
    ("prepared-transactions", "blocker", given("prepared", ("it's mine",))),
    (
        "waiting-locks",
        "warning",
        with_("locks", waiting=(known.Waiting(8, (7,), "media_file", 4.0),)),
    ),
    (
        "upgrade-lock",
        "blocker",
        with_("locks", upgrade_holder="opentranscribe (session 9)", upgrade_holder_pid=9),
    ),
    (
        "replication-slots",
        "warning",
        given("slots", (known.Slot("old", active=False, held_bytes=5, ours=False),)),
    ),
    (
        "replication-slots",
        "warning",
        given("slots", (known.Slot("slow", active=True, held_bytes=2 * GIB, ours=False),)),
    ),
    (
        "replication-slots",
        "warning",
        given("slots", (known.Slot("ours", active=True, held_bytes=5, ours=True),)),
    ),
    ("invalid-indexes", "warning", with_("objects", invalid_indexes=("idx_a",))),
    ("extensions", "blocker", with_("objects", unavailable_extensions=("timescaledb",))),
    ("needed-extensions", "blocker", with_("objects", lacking_extensions=("vector",))),
    ("triggers", "warning", with_("objects", triggers=(("media_file", "audit", False),))),
    ("event-triggers", "warning", with_("objects", event_triggers=("no_drops",))),
    ("table-owners", "blocker", with_("objects", foreign_tables=(("media_file", "bob"),))),
    ("disk-space", "blocker", disk(4 * GIB)),
    ("disk-margin", "warning", disk(5 * GIB)),
    ("disk-inodes", "blocker", disk(inodes=30_000)),
    ("folders-writable", "blocker", folder("releases", writable=False)),
    ("folders-writable", "blocker", folder("backups", writable=False, on_read_only=True)),
    ("folders-owner", "warning", folder("data", uid=0)),
    ("folders-private", "warning", folder("data", mode=0o755)),
    ("secrets-private", "warning", with_("folders", open_secrets=("postgres",))),
    ("secrets-whole", "blocker", with_("folders", empty_secrets=("postgres",))),
    ("backup-age", "note", context(newest_backup=None)),
    ("backup-age", "warning", backup(taken_at=NOW - timedelta(days=8))),
    ("backup-state", "warning", backup(state="unchecked", drilled_at=None)),
    (
        "backup-drill",
        "note",
        backup(state="checked", drilled_at=None, taken_at=NOW - timedelta(days=3)),
    ),
    ("recovery-key", "warning", context(recovery_key_known=False)),
    ("env-readable", "blocker", with_("env", trouble="permission denied")),
    ("env-readable", "warning", with_("env", bad_lines=(4,))),
    ("env-private", "warning", with_("env", mode=0o644)),
    ("env-duplicates", "warning", with_("env", names=("OTHERS_NAME", "OTHERS_NAME"))),
    ("env-unknown", "warning", with_("env", names=("OPENTR_LOG_LEVLE",))),
    ("env-differences", "note", with_("env", old_template=frozenset())),
    ("update-journal", "blocker", with_("unfinished", journals=(("update", JOURNAL),))),
    ("restore-journal", "blocker", with_("unfinished", journals=(("restore", JOURNAL),))),
    ("other-update", "blocker", with_("unfinished", holders={"update": 99})),
    ("kept-databases", "note", given("kept_databases", ("a", "b", "c"))),
    ("running-jobs", "note", with_("work", running_jobs=2)),
    ("silent-jobs", "warning", with_("work", silent_jobs=1)),
    ("uploads", "note", with_("work", unfinished_uploads=1)),
    ("workers", "warning", with_("work", alive_workers=0)),
    ("worker-versions", "warning", with_("work", other_versions=("0.9.0",))),
    ("media", "warning", with_("media", missing=("media/1",))),
    ("model-rights", "warning", with_("models", foreign=("huggingface",))),
    ("models", "note", context(missing_models=("base",))),
    ("models", "warning", context(missing_models=("base",), offline=True)),
    ("clock-database", "warning", with_("server", clock_ahead_seconds=-90.0)),
    ("clock", "warning", with_("machine", newest_file_at=NOW + timedelta(hours=1))),
    (
        "ports-free",
        "warning",
        both(STOPPED, given("ports", (known.Port("page", 5173, "taken"),))),
    ),
    ("ports-served", "warning", given("ports", (known.Port("page", 5173, "free"),))),
    ("address", "blocker", given("ports", (known.Port("page", 80, "forbidden"),))),
    ("address", "blocker", given("ports", (known.Port("page", 80, "not_here"),))),
    ("memory", "warning", with_("machine", memory_bytes=GIB // 2)),
    ("memory", "blocker", with_("machine", memory_bytes=GIB // 8)),
    ("open-files", "warning", with_("machine", open_files=256)),
    ("locale", "warning", with_("machine", text_encoding="ascii")),
    ("temp", "blocker", with_("machine", temp_writable=False)),
    ("temp", "warning", with_("machine", temp_free_bytes=1024)),
    ("last-start", "warning", both(STOPPED, with_("services", last_failure="Port taken."))),
    ("stray-services", "warning", with_("services", strays=(812,))),
    ("logs", "note", with_("services", logs_bytes=3 * GIB)),
]


def names(report: Report) -> list[str]:
    return [one.name for one in report.findings]


class TestASoundInstallation:
    @pytest.mark.parametrize("fault", [lambda facts: facts, STOPPED], ids=["running", "stopped"])
    def test_passes_every_check_without_a_word(self, fault: Fault) -> None:
        report = decide(fault(sound_facts()))
        assert names(report) == []
        assert report.unchecked == {}
        assert len(report.passed) == len(CHECKS) >= 45


class TestADatabaseOfALaterRelease:
    def test_stops_what_cannot_read_it(self) -> None:
        later = with_("schema", kind="newer", target="behind", reason="It is newer.")
        assert names(decide(later(sound_facts()))) == ["release-schema", "database-kind"]

    def test_lets_the_release_come_that_can(self) -> None:
        later = with_("schema", kind="newer", target="same", reason="It is newer.")
        assert names(decide(later(sound_facts()))) == []


class TestEveryCheck:
    @pytest.mark.parametrize(
        ("name", "severity", "fault"),
        FAULTS,
        ids=[f"{name}-{index}" for index, (name, _, _) in enumerate(FAULTS)],
    )
    def test_finds_its_fault_and_no_other_does(
        self, name: str, severity: str, fault: Fault
    ) -> None:
        report = decide(fault(sound_facts()))
        assert names(report) == [name]
        (finding,) = report.findings
        assert finding.severity == severity
        assert finding.title
        assert finding.cause.rstrip().endswith((".", ":"))
        assert finding.mend or finding.severity != "blocker"

    def test_has_a_fault_here(self) -> None:
        unreachable = {"database-answers"}
        assert {check.name for check in CHECKS} == {name for name, _, _ in FAULTS} | unreachable

    def test_has_a_name_of_its_own(self) -> None:
        assert len({check.name for check in CHECKS}) == len(CHECKS)


class TestADatabaseThatDoesNotAnswer:
    def test_is_told_once_and_nothing_else_is_guessed(self) -> None:
        gone = Missing("connection refused", quiet=True)
        facts = replace(sound_facts(), server=gone, rights=gone, sessions=gone)
        report = decide(facts)
        assert [(one.name, one.severity) for one in report.findings] == [
            ("database-answers", "blocker")
        ]
        assert "connection refused" in report.findings[0].cause
        assert {"database-age", "create-databases", "long-transactions"} <= set(report.unchecked)


class TestAnotherBuildOfTheSameVersion:
    def test_is_an_update(self) -> None:
        build = TargetRelease("1.0.0", HOME / "data/releases/1.0.0+def", None, RELEASE)
        assert names(decide(context(target=build)(sound_facts()))) == []


class TestWhatCannotBeFoundOut:
    def test_is_a_finding_of_the_check_that_needs_it(self) -> None:
        report = decide(replace(sound_facts(), slots=Missing("permission denied")))
        (finding,) = report.findings
        assert (finding.name, finding.severity) == ("replication-slots", "warning")
        assert "permission denied" in finding.cause

    def test_is_not_looked_for_without_a_release(self) -> None:
        report = decide(context(target=None)(sound_facts()))
        assert names(report) == []
        assert {"release-version", "release-facts"} <= set(report.unchecked)
