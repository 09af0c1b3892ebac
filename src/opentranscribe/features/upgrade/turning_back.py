"""Rolling back on request: the steps, and what becomes of what was written since.

The database of the newer release is neither dropped nor merged: it stays on the server, there is a
backup of it, and what it has that the older one has not is listed.
"""

from __future__ import annotations

import json
from pathlib import Path

from opentranscribe.features.upgrade import outer_files, queries
from opentranscribe.features.upgrade.run import Run
from opentranscribe.features.upgrade.steps import (
    Step,
    hold_visitors,
    let_visitors_in,
    pause_old,
    start_new,
    start_old,
    stop_new,
    stop_old,
)
from opentranscribe.kit.durable import write_durably
from opentranscribe.work import databases


def _kept(run: Run) -> str:
    return str(run.journal.facts["kept_database"])


def newer_database(run: Run) -> str:
    """Where what was written since stays."""
    return f"{run.live}_after_{run.id}"


def change_databases(run: Run) -> None:
    url = run.open_database()
    with databases.administer(url) as connection:
        queries.swap_in(connection, kept=_kept(run), live=run.live, aside=newer_database(run))
        databases.unseal_database(connection, run.live)


def change_databases_back(run: Run) -> None:
    url = run.open_database()
    with databases.administer(url) as connection:
        queries.swap_in(connection, kept=newer_database(run), live=run.live, aside=_kept(run))


def change_files(run: Run) -> None:
    """The files that the update kept, in place of those it brought."""
    kept = run.installation.state_dir / str(run.journal.facts["of"]) / "old-files"
    if not (kept / outer_files.ABSENT).is_file():
        return
    absent = json.loads((kept / outer_files.ABSENT).read_text(encoding="utf-8"))
    present = [str(path.relative_to(kept)) for path in kept.rglob("*") if path.is_file()]
    names = [name for name in (*absent, *present) if name != outer_files.ABSENT]
    outer_files.keep_old(run.installation.home, names, run.folder / "old-files")
    outer_files.put_back(run.installation.home, kept)


def change_files_back(run: Run) -> None:
    outer_files.put_back(run.installation.home, run.folder / "old-files")


def list_written_since(run: Run) -> None:
    """Row counts of both databases and the recordings that only the newer one knows."""
    url, target = run.open_database(), Path(str(run.journal.facts["written"]))
    with databases.connect(databases.with_name(url, _kept(run))) as older:
        before, newest = queries.count_rows(older), queries.newest_file(older)
    with databases.connect(databases.with_name(url, run.live)) as newer:
        after, files = queries.count_rows(newer), queries.list_files_since(newer, newest)
    grown = {
        table: after[table] - before.get(table, 0)
        for table in after
        if after[table] != before.get(table, 0)
    }
    content = {
        "database": newer_database(run),
        "backup": run.state.backup,
        "rows_more_or_less": grown,
        "files": files,
    }
    write_durably(target, json.dumps(content, indent=2))


#: The same release on another database: what a restore does, and undoing one.
RESTORE_STEPS: tuple[Step, ...] = (
    Step("fence", "Holding changes for a moment", 0.2, hold_visitors, let_visitors_in),
    Step("pause", "Pausing the work in the background", 2.0, pause_old, start_old),
    Step("list", "Listing what only the newer database has", 0.5, list_written_since),
    Step("stop", "Stopping", 0.5, stop_old),
    Step("databases", "Swapping the databases", 1.0, change_databases, change_databases_back),
    Step("start", "Starting again", 4.0, start_new, stop_new),
)

BACK_STEPS: tuple[Step, ...] = (
    Step("fence", "Holding changes for a moment", 0.2, hold_visitors, let_visitors_in),
    Step("pause", "Pausing the work in the background", 2.0, pause_old, start_old),
    Step("list", "Listing what only the newer database has", 0.5, list_written_since),
    Step("stop", "Stopping the newer release", 0.5, stop_old),
    Step(
        "databases",
        "Bringing the older database back",
        2.0,
        change_databases,
        change_databases_back,
    ),
    Step(
        "files",
        "Bringing the older files of the installation back",
        0.2,
        change_files,
        change_files_back,
    ),
    Step(
        "switch",
        "Switching to the older release",
        0.1,
        lambda run: run.deployment.switch(run.new),
        lambda run: run.deployment.switch(run.old),
    ),
    Step("start", "Starting the older release", 4.0, start_new, stop_new),
)
