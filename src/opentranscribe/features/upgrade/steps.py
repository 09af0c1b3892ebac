"""What an update does from the moment visitors are held until it is proven: a table.

Each step can be undone, whether it was finished, cut off or hardly begun, and undone again when the
undoing was cut off. They are undone in reverse. Nothing here may wait for a person.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from opentranscribe.features.upgrade import outer_files, queries
from opentranscribe.features.upgrade.errors import UpdateFailedError
from opentranscribe.features.upgrade.proof.verdict import find_worse, read_states
from opentranscribe.features.upgrade.run import Run
from opentranscribe.kit.durable import write_durably
from opentranscribe.work import databases

Act = Callable[[Run], None]
#: A migration that takes this many times as long as it did in the rehearsal hangs.
PATIENCE_FACTOR = 10.0
PATIENCE_SECONDS = 60.0
#: The proof gives up by itself long before; this is for one that hangs.
PROOF_SECONDS = 900.0


def _nothing(_run: Run) -> None:
    return


@dataclass(frozen=True)
class Step:
    """``seconds`` is how long it takes where nothing better is known."""

    name: str
    title: str
    seconds: float
    do: Act
    undo: Act = _nothing


def hold_visitors(run: Run) -> None:
    """Nobody can change anything from here on; what can be read is read on as long as possible."""
    token = run.installation.fence.put_up(readable=True)
    write_durably(run.proof_token_file, token)


def let_visitors_in(run: Run) -> None:
    run.installation.fence.take_down()
    run.proof_token_file.unlink(missing_ok=True)


def pause_old(run: Run) -> None:
    run.deployment.warm_up(run.new)
    run.deployment.pause(reads_too=False)


def start_old(run: Run) -> None:
    run.deployment.close_database()
    if run.was_running:
        run.deployment.start(run.old)
    run.deployment.hide_maintenance()


def stop_old(run: Run) -> None:
    """Visitors are without service from here until the new release answers. The database stays."""
    run.deployment.show_maintenance()
    run.deployment.pause(reads_too=True)


def copy_database(run: Run) -> None:
    """The live one becomes what is kept: nobody can write into it any more. The copy is migrated."""
    url = run.open_database()
    with databases.administer(url) as connection:
        databases.seal_database(connection, run.live)
        databases.copy_database(connection, run.live, run.next)


def drop_copy(run: Run) -> None:
    """By now the kept one is the live one again, or was never anything else."""
    url = run.open_database()
    with databases.administer(url) as connection:
        databases.drop_database(connection, run.next)
        databases.drop_database(connection, run.aside)
        databases.unseal_database(connection, run.live)


def migrate(run: Run) -> None:
    copy = databases.with_name(run.open_database(), run.next)
    environment = {**run.environment, "DATABASE_URL": copy}
    patience = PATIENCE_SECONDS + PATIENCE_FACTOR * run.state.predicted.get("migrate", 0.0)
    words = ["db", "upgrade", "--yes"]
    for line in run.deployment.run(run.new, words, environment, seconds=patience).splitlines():
        run.say(f"  {line}")
    with databases.administer(run.database_url) as connection:
        databases.write_out(connection)


def put_copy_in_place(run: Run) -> None:
    with databases.administer(run.open_database()) as connection:
        databases.exchange(connection, new=run.next, live=run.live, old=run.kept)


def put_database_back(run: Run) -> None:
    url = run.open_database()
    with databases.administer(url) as connection:
        queries.swap_in(connection, kept=run.kept, live=run.live, aside=run.aside)


def change_files(run: Run) -> None:
    new = outer_files.read_release_files(run.new.files) if run.new.files else {}
    if not run.installation.replaces_files:
        new = {}
    if run.merged_env is not None:
        new[".env"] = (run.merged_env.encode(), 0o600)
    outer_files.keep_old(run.installation.home, list(new), run.folder / "old-files")
    outer_files.put_new(run.installation.home, new)


def change_files_back(run: Run) -> None:
    outer_files.put_back(run.installation.home, run.folder / "old-files")


def start_new(run: Run) -> None:
    run.deployment.close_database()
    run.deployment.stop()
    run.deployment.start(run.new)
    run.deployment.hide_maintenance()


def stop_new(run: Run) -> None:
    run.deployment.show_maintenance()
    run.deployment.stop()


def prove(run: Run) -> None:
    """Against what the old release proved before it was stopped."""
    words = ["prove", "--json", "--proof-token-file", str(run.proof_token_file)]
    printed = run.deployment.run(run.new, words, run.environment, seconds=PROOF_SECONDS)
    report = json.loads(printed)
    states = list(read_states(report).values())
    untried = states.count("not_tried")
    run.say(
        f"  {states.count('passed')} probes passed in {report['seconds']} s"
        + (f", {untried} had nothing to try it on" if untried else "")
    )
    for probe in report["probes"]:
        if not probe["ok"]:
            run.say(f"  ✗ {probe['name']}: {probe['sentence']}")
    worse = find_worse(run.journal.facts.get("proved", {}), read_states(report))
    if worse:
        raise UpdateFailedError(
            f"The new release runs, but does not prove well: {', '.join(worse)}."
        )


#: Visitors are without service from "stop" to "start"; everything slow comes before or after.
STEPS: tuple[Step, ...] = (
    Step("fence", "Holding changes for a moment", 0.2, hold_visitors, let_visitors_in),
    Step("pause", "Pausing the work in the background", 2.0, pause_old, start_old),
    Step("keep", "Keeping the database as it is", 2.0, copy_database, drop_copy),
    Step("migrate", "Bringing a copy of the database to the new release", 3.0, migrate),
    Step("stop", "Stopping the old release", 0.5, stop_old),
    Step("databases", "Putting the copy in place", 0.2, put_copy_in_place, put_database_back),
    Step("files", "Changing the files of the installation", 0.2, change_files, change_files_back),
    Step(
        "switch",
        "Switching to the new release",
        0.1,
        lambda run: run.deployment.switch(run.new),
        lambda run: run.deployment.switch(run.old),
    ),
    Step("start", "Starting the new release", 4.0, start_new, stop_new),
    Step("prove", "Proving that the new release works", 8.0, prove),
)
