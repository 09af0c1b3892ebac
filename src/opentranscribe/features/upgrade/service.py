"""Update, recover, roll back.

The rule that everything follows from: a journal with ``commit`` in it is finished, one without is
undone. So every moment has exactly one right continuation, whoever finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from filelock import FileLock, Timeout

from opentranscribe.features.upgrade.errors import (
    NothingToRollBackError,
    UpdateFailedError,
    UpdateUnderWayError,
)
from opentranscribe.features.upgrade.expectation import expect
from opentranscribe.features.upgrade.journal import JOURNAL, Journal, list_journals
from opentranscribe.features.upgrade.run import Backups, Installation, Run
from opentranscribe.features.upgrade.steps import STEPS, Step
from opentranscribe.features.upgrade.turning_back import (
    BACK_STEPS,
    RESTORE_STEPS,
    newer_database,
)
from opentranscribe.kit import clock
from opentranscribe.kit.errors import AppError
from opentranscribe.kit.update_state import Outcome, UpdateState, read_state
from opentranscribe.ports.deployment import Deployment, Release
from opentranscribe.work import databases

#: Databases of earlier releases that can still be rolled back to.
KEPT_GENERATIONS = 1
#: What it is called when it got through, by kind.
OUTCOMES: dict[str, Outcome] = {
    "update": "updated",
    "rollback": "rolled_back",
    "restore": "restored",
}
Tell = Callable[[str], None]


class Updater:
    """``tell`` gets a line for people whenever something happens."""

    def __init__(
        self,
        installation: Installation,
        deployment: Deployment,
        backups: Backups,
        tell: Tell = lambda line: None,
    ) -> None:
        self._installation = installation
        self._deployment = deployment
        self._backups = backups
        self._tell = tell
        installation.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)

    @contextmanager
    def alone(self, patience: float = 0.0) -> Iterator[None]:
        """One update at a time; another one is waited for so many seconds. Raises
        UpdateUnderWayError."""
        lock = FileLock(self._installation.state_dir / "lock")
        try:
            lock.acquire(timeout=patience)
        except Timeout as error:
            raise UpdateUnderWayError(
                "An update of this installation is under way. Nothing was changed. Watch it with:"
                " ./opentr.sh status"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def update(
        self,
        new: Release,
        *,
        backup: Path,
        merged_env: str | None,
        measured: Mapping[str, float],
        proved: Mapping[str, str],
    ) -> None:
        """From holding visitors to the proven new release; ``backup`` is a verified one,
        ``measured`` the seconds that steps took in the rehearsal, ``proved`` how the probes of the
        old release ended.

        Raises UpdateFailedError when it did not prove well; everything is as before then.
        """
        old = self._deployment.current()
        predicted = expect(self._journals(), measured)
        facts = {"backup": str(backup), "proved": dict(proved), "measured": dict(measured)}
        run = self._begin("update", old, new, merged_env=merged_env, **facts)
        run.state = replace(run.state, predicted=predicted, backup=str(backup))
        self._carry_out(run, STEPS)
        run.journal.write("commit")
        self._finish(run)

    def roll_back(self) -> Path:
        """The release and the database from before the last update. What was written since is kept:
        as a backup, as a database, and listed in the file that is returned.

        Raises NothingToRollBackError.
        """
        last = self._last_committed()
        old = self._deployment.find(str(last.facts["old"]))
        self._tell("Making a verified backup")
        backup = self._backups.make()
        written = self._installation.state_dir / last.path.parent.name / "written-since.json"
        run = self._begin(
            "rollback",
            self._deployment.current(),
            old,
            backup=str(backup),
            of=last.path.parent.name,
            kept_database=last.facts["kept"],
            written=str(written),
        )
        run.state = replace(
            run.state,
            predicted={step.name: step.seconds for step in BACK_STEPS},
            backup=str(backup),
        )
        self._carry_out(run, BACK_STEPS)
        run.journal.write("commit")
        self._finish(run)
        return written

    def swap_in(self, database: str, backup: Path) -> tuple[Path, str]:
        """Another database of the same server, made aside and at this release's schema, takes the
        place of the live one. The list of what only the replaced one has, and its name now.

        Raises UpdateFailedError; everything is as before then.
        """
        release = self._deployment.current()
        run = self._begin("restore", release, release, kept_database=database, backup=str(backup))
        run.journal.write("done", "", written=str(run.folder / "written-since.json"))
        predicted = {step.name: step.seconds for step in RESTORE_STEPS}
        run.state = replace(run.state, predicted=predicted, backup=str(backup))
        self._carry_out(run, RESTORE_STEPS)
        run.journal.write("commit")
        self._finish(run)
        return run.folder / "written-since.json", newer_database(run)

    def replaced_by_restore(self) -> str:
        """The database that the last restore replaced. Raises NothingToRollBackError."""
        for journal in reversed(self._journals()):
            if journal.is_committed and journal.facts.get("kind") == "restore":
                return str(journal.facts["replaced"])
        raise NothingToRollBackError("There is no restore to undo. Nothing was changed.")

    def recover(self) -> bool:
        """Take up what was cut off; whether there was anything. Unattended, and as often as it
        takes."""
        run = self._find_unfinished()
        if run is None:
            return False
        if run.journal.is_committed:
            self._tell("The last update had succeeded; finishing it.")
            self._finish(run)
        else:
            self._tell("The last update was cut off; putting everything back.")
            self._put_back(run, _steps_of(run.journal), "It was cut off.")
        return True

    @property
    def is_unfinished(self) -> bool:
        return self._find_journal() is not None

    def _begin(
        self, kind: str, old: Release, new: Release, merged_env: str | None = None, **facts: Any
    ) -> Run:
        folder = self._new_folder()
        journal = Journal(folder / JOURNAL)
        was_running = self._deployment.is_running()
        journal.write(
            "begin",
            kind=kind,
            old=old.name,
            new=new.name,
            was_running=was_running,
            **facts,
        )
        return self._run(journal, old, new, merged_env=merged_env)

    def _new_folder(self) -> Path:
        """Named by the time, so that names sort as they came."""
        name = clock.now().strftime("%Y%m%d_%H%M%S")
        for suffix in ("", *(f"_{number:02}" for number in range(2, 100))):
            folder = self._installation.state_dir / f"{name}{suffix}"
            if not folder.exists():
                folder.mkdir(mode=0o700)
                return folder
        raise UpdateUnderWayError("Too many updates in one second. Nothing was changed.")

    def _run(
        self, journal: Journal, old: Release, new: Release, merged_env: str | None = None
    ) -> Run:
        identity = journal.path.parent.name
        found = read_state(self._installation.state_dir)
        state = found if found and found.id == identity else None
        return Run(
            id=identity,
            installation=self._installation,
            deployment=self._deployment,
            old=old,
            new=new,
            was_running=bool(journal.facts.get("was_running")),
            journal=journal,
            state=state or UpdateState(identity, old.version, new.version, clock.now().isoformat()),
            tell=self._tell,
            merged_env=merged_env,
        )

    def _carry_out(self, run: Run, steps: Sequence[Step]) -> None:
        for step in steps:
            run.journal.write("intent", step.name)
            run.enter(step.name, step.title)
            try:
                step.do(run)
            # Whatever went wrong, visitors wait: the old release comes back first.
            except (Exception, KeyboardInterrupt) as error:
                reason = error.message if isinstance(error, AppError) else repr(error)
                run.journal.write("failed", step.name, reason=reason)
                self._put_back(run, steps, reason)
                raise UpdateFailedError(
                    f"{step.title}: {reason}\nEverything was put back; OpenTranscribe is"
                    f" {run.old.version} as before, and nothing was lost. The journal is"
                    f" {run.journal.path}."
                ) from error
            facts = _facts_after(run, step)
            run.journal.write("done", step.name, **facts)

    def _put_back(self, run: Run, steps: Sequence[Step], reason: str) -> None:
        """Raises UpdateFailedError when it cannot; trying again goes on where this ended."""
        by_name = {step.name: step for step in steps}
        run.say(f"Putting everything back: {reason}")
        for name in run.journal.to_undo():
            run.journal.write("undo", name)
            try:
                by_name[name].undo(run)
            except (AppError, OSError, psycopg.Error) as error:
                raise UpdateFailedError(
                    f"{reason}\nPutting everything back did not get through yet ({name}: {error})."
                    " Nothing is lost. Try again with: ./opentr.sh start"
                ) from error
            run.journal.write("undone", name)
        run.journal.write("end", result="put_back", reason=reason)
        run.state = replace(run.state, outcome="put_back", reason=reason)
        run.say("Everything is as it was before.")

    def _finish(self, run: Run) -> None:
        """After the commit: nothing here may fail the update, everything may be done again."""
        if self._deployment.current().name != run.new.name:
            self._deployment.switch(run.new)
        self._deployment.close_database()
        if not self._deployment.is_running():
            self._deployment.start(run.new)
        self._installation.fence.take_down()
        self._deployment.hide_maintenance()
        run.proof_token_file.unlink(missing_ok=True)
        self._forget_old_generations(run)
        if not run.was_running:
            self._deployment.stop()
        outcome = OUTCOMES[str(run.journal.facts["kind"])]
        run.journal.write("end", result=outcome)
        run.state = replace(run.state, outcome=outcome)
        run.say(f"OpenTranscribe is {run.new.version} now.")

    def _forget_old_generations(self, run: Run) -> None:
        url = run.database_url or self._deployment.open_database()
        run.database_url = url
        committed = [one for one in self._journals() if one.is_committed and "kept" in one.facts]
        wanted = {str(one.facts["kept"]) for one in committed[-KEPT_GENERATIONS:]}
        old = [f"{run.live}_before_"]
        if run.journal.facts.get("kind") == "update":
            old.append(f"{run.live}_after_")
        with databases.administer(url) as connection:
            for name in databases.list_databases(connection) - wanted:
                if name.startswith(tuple(old)):
                    databases.drop_database(connection, name)

    def _last_committed(self) -> Journal:
        for journal in reversed(self._journals()):
            kind = journal.facts.get("kind")
            if journal.is_committed and kind == "update":
                return journal
            if journal.is_committed and kind in {"rollback", "restore"}:
                break
        raise NothingToRollBackError(
            "There is no update to roll back. Nothing was changed. To bring an older state back,"
            " use: ./opentr.sh restore BACKUP"
        )

    def _find_unfinished(self) -> Run | None:
        journal = self._find_journal()
        if journal is None:
            return None
        facts = journal.facts
        old, new = (self._deployment.find(str(facts[name])) for name in ("old", "new"))
        return self._run(journal, old, new)

    def _find_journal(self) -> Journal | None:
        journals = self._journals()
        if not journals or journals[-1].has_ended or not journals[-1].entries():
            return None
        return journals[-1]

    def _journals(self) -> list[Journal]:
        return list_journals(self._installation.state_dir)


def _facts_after(run: Run, step: Step) -> dict[str, str]:
    """What later commands need to know: under which names whole databases were put."""
    if step.name == "keep":
        return {"kept": run.kept}
    if step.name == "databases":
        return {"replaced": newer_database(run)}
    return {}


def _steps_of(journal: Journal) -> Sequence[Step]:
    return {"rollback": BACK_STEPS, "restore": RESTORE_STEPS}.get(str(journal.facts["kind"]), STEPS)
