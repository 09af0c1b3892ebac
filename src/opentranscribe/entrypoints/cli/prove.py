"""prove: do what people do with the running installation, and say what does not work."""

from __future__ import annotations

import io
import json
import wave
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

from opentranscribe.bootstrap import App, build_app
from opentranscribe.entrypoints.static import INDEX, page_folder
from opentranscribe.entrypoints.supervisor import control
from opentranscribe.features.media.routes import SAMPLE, SAMPLE_FILE
from opentranscribe.features.upgrade.proof.inside import Inside
from opentranscribe.features.upgrade.proof.report import ProofReport, fail
from opentranscribe.features.upgrade.proof.service import MOST_SECONDS, WAIT_SECONDS, Prover
from opentranscribe.features.upgrade.proof.visitor import Visitor
from opentranscribe.kit.errors import AppError
from opentranscribe.schema.migrations.runner import require_current
from opentranscribe.settings import Settings

console = Console(highlight=False)
MARKS = {"passed": "[green]✓[/]", "failed": "[red]✗[/]", "not_tried": "[yellow]–[/]"}
#: Where the sample recording has somebody speaking, in seconds.
SPEECH = (7.0, 9.0)
UNREACHED = "reach it"


def register(app: typer.Typer) -> None:
    app.command()(prove)


def prove(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    proof_token_file: Annotated[
        Path | None, typer.Option(help="What opens the fence of an update.")
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for processes that are starting.")
    ] = WAIT_SECONDS,
    most: Annotated[
        float, typer.Option(min=0, help="Seconds after which what is left counts as failed.")
    ] = MOST_SECONDS,
    url: Annotated[str, typer.Option(help="Where the API is; the running one if left out.")] = "",
) -> None:
    """Sign in, upload, transcribe, search, play, export: all for real, on what runs now."""
    try:
        report = _prove(Settings.load(), url, proof_token_file, (wait, most))
    except AppError as error:
        if not as_json:
            raise
        # Whoever reads the JSON learns what is wrong from it, whatever that is.
        report = fail(UNREACHED, error.message)
    except (OSError, SQLAlchemyError) as error:
        report = fail(UNREACHED, f"The proof could not begin: {error}")
    if as_json:
        typer.echo(json.dumps(report.as_json()))
    else:
        _show(report)
    raise typer.Exit(0 if report.ok else 1)


def _prove(
    settings: Settings, url: str, token_file: Path | None, seconds: tuple[float, float]
) -> ProofReport:
    """``seconds`` to wait for what is starting, and for all of it."""
    token = token_file.read_text(encoding="utf-8").strip() if token_file else ""
    visitor = Visitor(url or running_url(settings), proof=token)
    app = build_app(settings, fetches_models=False)
    index = page_folder() / INDEX
    try:
        inside = Inside(
            app.work, app.ports.objects, lambda: require_current(settings.sqlalchemy_url)
        )
        page = index.read_bytes() if index.is_file() else None
        return Prover(inside, app.options, speech_of(app), page, *seconds).prove(visitor)
    finally:
        app.close()


def running_url(settings: Settings) -> str:
    """Raises NotRunningError."""
    status = control.ask(settings.sockets_dir, {"do": "status"})
    return f"http://127.0.0.1:{status['backend_port']}"


def speech_of(app: App) -> bytes | None:
    """Two seconds of the built-in sample; None where it or the model is not on this machine yet,
    because a proof does not download anything."""
    folder = app.ports.models.find(SAMPLE)
    if folder is None or app.ports.models.find(app.options.default_model) is None:
        return None
    cut = io.BytesIO()
    with wave.open(str(folder / SAMPLE_FILE)) as source, wave.open(cut, "wb") as target:
        target.setparams(source.getparams())
        source.setpos(round(SPEECH[0] * source.getframerate()))
        target.writeframes(
            source.readframes(round((SPEECH[1] - SPEECH[0]) * source.getframerate()))
        )
    return cut.getvalue()


def _show(report: ProofReport) -> None:
    for probe in report.probes:
        console.print(
            f"{MARKS[probe.state]} {probe.name}: {escape(probe.sentence)}", soft_wrap=True
        )
    untried = sum(probe.state == "not_tried" for probe in report.probes)
    console.print(
        f"{len(report.probes)} probes in {report.seconds:.1f} s, {untried} not tried", markup=False
    )
