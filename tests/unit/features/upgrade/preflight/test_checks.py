"""Each check is shown a sound installation and one thing that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opentranscribe.features.upgrade.preflight import facts as known
from opentranscribe.features.upgrade.preflight.context import BackupFact, Context, TargetRelease
from opentranscribe.features.upgrade.preflight.facts import Facts, Known, Missing
from opentranscribe.features.upgrade.preflight.findings import Report
from opentranscribe.features.upgrade.preflight.service import CHECKS, decide

GIB = 1024**3
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HOME = Path("/srv/opentranscribe")
FOLDERS = {
    "home": HOME,
    "data": HOME / "data",
    "backups": HOME / "backups",
    "releases": HOME / "data/releases",
    "run": HOME / "data/run",
    "secrets": HOME / "data/secrets",
    "logs": HOME / "data/logs",
}
RELEASE = {
    "version": "1.1.0",
    "schema_head": "v410_add_things",
    "oldest_reader": "1.0.0",
    "oldest_writer": "1.0.0",
    "python_requires": ">=3.11",
    "size_bytes": GIB // 2,
    "files": {"__init__.py": "00"},
}


def sound_context() -> Context:
    return Context(
        home=HOME,
        data_dir=FOLDERS["data"],
        backups_dir=FOLDERS["backups"],
        models_dir=HOME / "models",
        releases_dir=FOLDERS["releases"],
        run_dir=FOLDERS["run"],
        secrets_dir=FOLDERS["secrets"],
        logs_dir=FOLDERS["logs"],
        env_file=HOME / ".env",
        env_example=HOME / "new.env.example",
        database_url="postgresql+psycopg://postgres:x@/opentranscribe?host=/run/pg",
        embedded=True,
        frontend_port=5173,
        backend_port=5174,
        bind_host="127.0.0.1",
        is_running=True,
        current_version="1.0.0",
        target=TargetRelease("1.1.0", None, None, RELEASE),
        newest_backup=BackupFact(
            HOME / "backups/b.sql", NOW - timedelta(hours=9), "drilled", NOW - timedelta(hours=8)
        ),
        recovery_key_known=True,
        now=NOW,
    )


def sound_facts() -> Facts:
    database = {
        "server": known.Server(
            database="opentranscribe",
            role="postgres",
            major=18,
            size_bytes=GIB,
            encoding="UTF8",
            collation_stored="1",
            collation_actual="1",
            most_connections=97,
            used_connections=12,
            read_only=False,
            standby=False,
            age=40_000,
            clock_ahead_seconds=0.01,
            statement_timeout_ms=0,
            autovacuum=True,
            durable=True,
            damaged_pages=0,
        ),
        "rights": known.Rights(True, True, True, True, True),
        "schema": known.SchemaStanding("current", "v401_cascade_deletes", "It is.", "ahead"),
        "sessions": (known.Session(7, "psql", 20.0, idle=False),),
        "locks": known.Locks(),
        "prepared": (),
        "slots": (known.Slot("standby", active=True, held_bytes=1024, ours=False),),
        "objects": known.SchemaObjects(),
        "work": known.Work(alive_workers=3, known_workers=3),
        "media": known.MediaSample(50),
        "kept_databases": ("opentranscribe_before_1",),
    }
    machine = {
        "release": known.ReleaseParts((3, 11, 7), 64),
        "tools": known.Tools(18, "/usr/bin/pg_dump"),
        "disks": (known.Disk(tuple(FOLDERS.items()), 50 * GIB, 1_000_000),),
        "folders": known.Folders(
            tuple(
                known.Folder(name, path, 0o700, 1000, writable=True, on_read_only=False)
                for name, path in FOLDERS.items()
            ),
            uid=1000,
        ),
        "env": known.EnvFile(
            mode=0o600,
            names=("OPENTR_LOG_LEVEL", "OTHERS_NAME"),
            template=frozenset({"OPENTR_LOG_LEVEL"}),
            old_template=frozenset({"OPENTR_LOG_LEVEL"}),
        ),
        "unfinished": known.Unfinished(),
        "ports": (known.Port("page", 5173, "taken"), known.Port("API", 5174, "taken")),
        "releases": known.Releases(("1.0.0+abc",), "1.0.0+abc"),
        "models": known.Models(looked_at=40),
        "machine": known.Machine(
            memory_bytes=4 * GIB,
            open_files=1024,
            text_encoding="utf-8",
            temp="/tmp",
            temp_free_bytes=GIB,
            temp_writable=True,
            newest_file_at=NOW,
        ),
        "services": known.Services(),
    }
    values: dict[str, Any] = {name: Known(value) for name, value in (database | machine).items()}
    return Facts(context=sound_context(), **values)


Fault = Callable[[Facts], Facts]


def with_(name: str, **changes: Any) -> Fault:
    def change(facts: Facts) -> Facts:
        value = getattr(facts, name).value
        return replace(facts, **{name: Known(replace(value, **changes))})

    return change


def given(name: str, value: Any) -> Fault:
    return lambda facts: replace(facts, **{name: Known(value)})


def context(**changes: Any) -> Fault:
    return lambda facts: replace(facts, context=replace(facts.context, **changes))


def target(version: str = "1.1.0", without: str = "", **changes: Any) -> Fault:
    stated = {key: value for key, value in (RELEASE | changes).items() if key != without}
    return context(target=TargetRelease(version, None, None, stated))


def disk(free_bytes: int = 50 * GIB, inodes: int | None = 1_000_000) -> Fault:
    return given("disks", (known.Disk(tuple(FOLDERS.items()), free_bytes, inodes),))


def folder(name: str, **changes: Any) -> Fault:
    def change(facts: Facts) -> Facts:
        folders = facts.folders.value
        every = tuple(replace(one, **changes) if one.name == name else one for one in folders.all)
        return replace(facts, folders=Known(replace(folders, all=every)))

    return change


def both(*faults: Fault) -> Fault:
    def change(facts: Facts) -> Facts:
        for fault in faults:
            facts = fault(facts)
        return facts

    return change


def backup(**changes: Any) -> Fault:
    found = sound_context().newest_backup
    assert found is not None
    return context(newest_backup=replace(found, **changes))


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
    ("database-kind", "blocker", with_("schema", kind="newer")),
    ("database-kind", "blocker", with_("schema", kind="unknown")),
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
