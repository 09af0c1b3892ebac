"""``opentr search``: how much can be found, and building the index anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import OperationalError

from opentranscribe.bootstrap import App, build_app
from opentranscribe.features.jobs.schemas import JobView
from opentranscribe.features.jobs.service import JobService
from opentranscribe.features.search import queries
from opentranscribe.features.search.rebuilding import NAME, begin_reindex
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.schema.migrations.errors import DatabaseUnreachableError
from opentranscribe.schema.migrations.state import require_current
from opentranscribe.settings import Settings
from opentranscribe.work import SYSTEM

app = typer.Typer(help="How much can be found; building the index anew.", no_args_is_help=True)
console = Console(highlight=False)

LOOK_SECONDS = 0.5
GOES_ON = (
    "It goes on by itself, and people search meanwhile. How far it is: ./opentr.sh search status"
)


@app.command()
def rebuild(
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Begin it, and do not wait for its end.")
    ] = False,
) -> None:
    """Build the index anew from the transcripts, beside the one that is searched meanwhile."""
    with _open() as opened:
        with opened.work(SYSTEM) as work:
            job = begin_reindex(work, opened.kinds)
        if no_wait:
            console.print(f"✓ A rebuild has begun. {GOES_ON}", soft_wrap=True)
            return
        try:
            done = _wait(opened, job)
        except KeyboardInterrupt:
            console.print(f"\n{GOES_ON}", soft_wrap=True)
            raise typer.Exit(130) from None
    if done.status != "succeeded":
        why = done.error.message if done.error else f"It was {done.status}."
        raise UnavailableError(
            f"The index was not rebuilt: {why} The one of before goes on answering."
            " Try again: ./opentr.sh search rebuild"
        )
    console.print("✓ The index is rebuilt and answers.")


@app.command()
def status() -> None:
    """How many recordings can be found, and how far a rebuild is."""
    with _open() as opened, opened.work(SYSTEM) as work:
        wanted = set(queries.transcribed_files(work.session))
        found = wanted & opened.ports.search.indexed_files(work.session)
        job = queries.unfinished_job(work.session, NAME)
        view = JobService(work, opened.kinds).view(job) if job else None
    console.print(f"{len(found)} of {len(wanted)} recordings with a transcript can be found.")
    if view is not None:
        left = f", about {view.eta_seconds:.0f} s left" if view.eta_seconds is not None else ""
        console.print(f"A rebuild is {view.status}: {view.progress:.0%}{left}.")


def _wait(opened: App, job: JobView) -> JobView:
    """The job once it has ended, shown while it runs."""
    columns = (TextColumn("Rebuilding"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as shown:
        task = shown.add_task("", total=1.0)
        while True:
            view = _look(opened, job.uuid)
            shown.update(task, completed=view.progress)
            if view.status not in {"queued", "running"}:
                return view
            time.sleep(LOOK_SECONDS)


def _look(opened: App, uuid: UUID) -> JobView:
    with opened.work(SYSTEM) as work:
        jobs = JobService(work, opened.kinds)
        return jobs.view(jobs.get(uuid))


@contextmanager
def _open() -> Iterator[App]:
    """Raises UnavailableError where no database answers."""
    settings = Settings.load()
    try:
        require_current(settings.sqlalchemy_url)
        opened = build_app(settings, fetches_models=False)
    except (DatabaseUnreachableError, OperationalError, FileNotFoundError) as error:
        raise UnavailableError(
            "The database is not answering. Start OpenTranscribe first: ./opentr.sh start"
        ) from error
    try:
        yield opened
    finally:
        opened.close()
