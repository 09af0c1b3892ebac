"""start, stop, restart, status, logs: the installation's services."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from opentranscribe.entrypoints.installation.recovery import recover
from opentranscribe.entrypoints.supervisor import control
from opentranscribe.entrypoints.supervisor.logs import log_path
from opentranscribe.entrypoints.supervisor.probes import fetch_json, next_free
from opentranscribe.entrypoints.supervisor.secret_files import (
    SETUP_TOKEN,
    private_folder,
)
from opentranscribe.entrypoints.supervisor.supervise import ALREADY_RUNNING
from opentranscribe.entrypoints.supervisor.supervise import main as supervise
from opentranscribe.kit import clock
from opentranscribe.kit.errors import InvalidError, UnavailableError
from opentranscribe.kit.update_state import read_state
from opentranscribe.settings import Settings, inherited_environment

SERVICES = (
    "supervisor",
    "postgres",
    "migrate",
    "update",
    "api",
    "worker-speech",
    "worker-utility",
    "scheduler",
)
START_SECONDS = 180.0
console = Console(highlight=False)
#: The supervisor may be putting an update back that was cut off.
RECOVERY_SECONDS = 180.0


class StartError(UnavailableError):
    code = "start_failed"


def register(app: typer.Typer) -> None:
    for command in (start, stop, restart, status, logs):
        app.command()(command)


def start(
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay in this terminal until Ctrl-C.")
    ] = False,
) -> None:
    """Start everything and print the address."""
    settings = Settings.load()
    running = _running(settings)
    while running and running["phase"] == "stopping":
        # Somebody stopped it a moment ago, or an update did and was cut off right then.
        time.sleep(0.1)
        running = _running(settings)
    if running:
        console.print("OpenTranscribe is already running.")
        _print_address(settings, running)
        return
    recover(settings, lambda line: console.print(line, markup=False), RECOVERY_SECONDS)
    recovered = _running(settings)
    if recovered:
        _print_address(settings, recovered)
        return
    for sentence in settings.strange_names():
        console.print(f"! {sentence}", markup=False)
    settings = _with_free_ports(settings)
    environment = {
        "OPENTR_HOME": str(settings.home),
        "OPENTR_FRONTEND_PORT": str(settings.frontend_port),
        "OPENTR_BACKEND_PORT": str(settings.backend_port),
    }
    if foreground:
        command = [sys.executable, "-m", supervise.__module__]
        raise typer.Exit(subprocess.call(command, env=inherited_environment(**environment)))
    answer = _wait_until_running(settings, _spawn(settings, environment))
    _print_address(settings, answer)


def stop() -> None:
    """Stop everything in order; nothing is lost."""
    settings = Settings.load()
    if not _running(settings):
        console.print("OpenTranscribe is not running.")
        return
    control.ask(settings.sockets_dir, {"do": "stop"})
    with console.status("Stopping; running work is put back in the queue …"):
        for _ in range(600):
            if not _running(settings):
                break
            time.sleep(0.1)
        else:
            raise StartError(
                "It does not stop. See why with: ./opentr.sh logs; nothing was lost so far."
            )
    console.print("Stopped.")


def restart(
    service: Annotated[str | None, typer.Argument(help="One service; all when left out.")] = None,
) -> None:
    """Restart one service, or everything."""
    settings = Settings.load()
    _known(service)
    if service is None:
        if _running(settings):
            stop()
        start()
        return
    if service == "postgres":
        raise InvalidError("The database restarts with everything: ./opentr.sh restart")
    control.ask(settings.sockets_dir, {"do": "restart", "service": service})
    console.print(f"{service} restarts.")


def status(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show each service, its state and health."""
    settings = Settings.load()
    answer = _running(settings)
    if not as_json:
        _print_update(settings)
    if as_json:
        print(json.dumps(answer or {"phase": "stopped", "services": []}, indent=2))
    elif answer is None:
        console.print("OpenTranscribe is not running. Start it with: ./opentr.sh start")
    else:
        console.print(_status_table(answer))
        for sentence in _health(answer):
            console.print(sentence)
        _print_address(settings, answer)
    healthy = answer is not None and answer["phase"] == "running"
    raise typer.Exit(0 if healthy else 3)


def logs(
    service: Annotated[str | None, typer.Argument(help="One service; all when left out.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as lines come.")] = False,
    tail: Annotated[int, typer.Option("-n", "--tail", min=0, help="Lines to begin with.")] = 100,
) -> None:
    """Print what the services wrote."""
    settings = Settings.load()
    name = {"backend": "api", "frontend": "api", "celery-worker": "worker-speech"}.get(
        service or "", service
    )
    _known(name)
    wanted = [name] if name else list(SERVICES)
    paths = {one: log_path(settings.logs_dir, one) for one in wanted}
    for one, path in paths.items():
        for line in _last_lines(path, tail):
            print(_prefixed(one, line, alone=name is not None))
    if follow:
        _follow(paths, alone=name is not None)


def _print_update(settings: Settings) -> None:
    """An update that is under way explains why services come and go."""
    state = read_state(settings.update_dir)
    if state is None or state.has_ended:
        return
    fraction, left = state.progress(clock.now())
    console.print(
        f"Update   {state.from_version} → {state.to_version}, {fraction:.0%}: {state.title},"
        f" about {left:.0f} s left",
        markup=False,
    )


def _running(settings: Settings) -> dict[str, Any] | None:
    try:
        return control.ask(settings.sockets_dir, {"do": "status"}, seconds=10)
    except control.NotRunningError:
        return None


def _with_free_ports(settings: Settings) -> Settings:
    """Other ports when the wanted ones are taken, and said."""
    host, taken = settings.bind_host, set[int]()
    ports = {}
    for name in ("frontend_port", "backend_port"):
        wanted = getattr(settings, name)
        ports[name] = next_free(host, wanted, taken)
        taken.add(ports[name])
        if ports[name] != wanted:
            console.print(f"Port {wanted} is taken by another program; using {ports[name]}.")
    return settings.model_copy(update=ports)


def _spawn(settings: Settings, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    private_folder(settings.data_dir)
    private_folder(settings.logs_dir)
    with log_path(settings.logs_dir, "supervisor").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", supervise.__module__],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=inherited_environment(**environment),
            start_new_session=True,
            cwd=settings.home,
        )


def _wait_until_running(settings: Settings, supervisor: subprocess.Popen[bytes]) -> dict[str, Any]:
    failure = settings.run_dir / "failure"
    until = time.monotonic() + START_SECONDS
    with console.status("Starting …") as shown:
        while time.monotonic() < until:
            answer = _running(settings)
            if answer and answer["phase"] == "running":
                return answer
            if answer:
                shown.update(f"{answer['phase'].capitalize()} …")
            elif supervisor.poll() == ALREADY_RUNNING:
                raise StartError("Another start is under way on this folder. Nothing was changed.")
            elif supervisor.poll() is not None:
                raise StartError(_reason(failure))
            time.sleep(0.1)
    raise StartError("It is not up after three minutes. See why with: ./opentr.sh logs")


def _reason(failure: Path) -> str:
    if failure.exists():
        return failure.read_text(encoding="utf-8")
    return "It did not start. See why with: ./opentr.sh logs supervisor"


def _print_address(settings: Settings, answer: dict[str, Any]) -> None:
    page = f"http://localhost:{answer['frontend_port']}"
    token = settings.secrets_dir / SETUP_TOKEN
    console.print(f"\n  Page  [bold]{page}[/]")
    console.print(f"  API   http://localhost:{answer['backend_port']}/api/docs")
    if token.is_file():
        link = f"{page}/setup#token={token.read_text(encoding='utf-8').strip()}"
        console.print("\n  First visit: create the administrator at", style="bold")
        console.print(f"  {link}\n", soft_wrap=True)


def _status_table(answer: dict[str, Any]) -> Table:
    table = Table("Service", "State", "PID", "Since", "Restarts", box=None, pad_edge=False)
    for one in answer["services"]:
        good = one["state"] == "running"
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one["since"]))
        table.add_row(
            one["service"],
            f"[{'green' if good else 'yellow'}]{one['state']}[/]",
            str(one["pid"] or "–"),
            since,
            str(one["restarts"]),
        )
    return table


def _health(answer: dict[str, Any]) -> Iterator[str]:
    """What the API says of itself and of what it depends on."""
    health = fetch_json(f"http://127.0.0.1:{answer['backend_port']}/api/health")
    if health is None:
        yield "Health    the API does not answer; see ./opentr.sh logs api"
        return
    yield f"Health    {health.get('status')}, version {health.get('version')}"
    for one in health.get("dependencies", []):
        if one.get("status") not in {"healthy", "ok", "up"}:
            yield f"  {one.get('name')}: {one.get('status')} {one.get('detail') or ''}"


def _known(service: str | None) -> None:
    if service is not None and service not in SERVICES:
        raise InvalidError(f"There is no service {service!r}; there are {', '.join(SERVICES)}.")


def _last_lines(path: Path, count: int) -> list[str]:
    if not path.is_file() or count == 0:
        return []
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - 400 * count - 65536))
        return handle.read().decode(errors="replace").splitlines()[-count:]


def _prefixed(service: str, line: str, *, alone: bool) -> str:
    return line if alone else f"{service:<14} │ {line}"


def _follow(paths: dict[str, Path], *, alone: bool) -> None:
    offsets = {one: path.stat().st_size if path.exists() else 0 for one, path in paths.items()}
    try:
        while True:
            for one, path in paths.items():
                for line, offset in _new_lines(path, offsets[one]):
                    offsets[one] = offset
                    print(_prefixed(one, line, alone=alone), flush=True)
            time.sleep(0.2)
    except KeyboardInterrupt:
        return


def _new_lines(path: Path, offset: int) -> Iterator[tuple[str, int]]:
    if not path.exists():
        return
    if path.stat().st_size < offset:
        offset = 0
    with path.open("rb") as handle:
        handle.seek(offset, os.SEEK_SET)
        for raw in handle:
            if not raw.endswith(b"\n"):
                return
            offset += len(raw)
            yield raw.decode(errors="replace").rstrip("\n"), offset
