"""doctor: look for what would keep this installation from working, and say how to mend it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import typer
from rich.console import Console

from opentranscribe.entrypoints.supervisor import control
from opentranscribe.entrypoints.supervisor.postgres import wheel_binaries
from opentranscribe.entrypoints.supervisor.probes import fetch_json, is_free
from opentranscribe.settings import Settings

GIB = 1024**3
console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """``mend`` is what to do about it; empty when all is well."""

    name: str
    verdict: Literal["good", "warning", "bad"]
    detail: str
    mend: str = ""


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor() -> None:
    """Check this machine and installation; each finding says how to mend it."""
    settings = Settings.load()
    findings = [finding for check in CHECKS for finding in check(settings)]
    marks = {"good": "[green]✓[/]", "warning": "[yellow]![/]", "bad": "[red]✗[/]"}
    for finding in findings:
        console.print(f"{marks[finding.verdict]} {finding.name}: {finding.detail}", soft_wrap=True)
        if finding.mend:
            console.print(f"    → {finding.mend}", soft_wrap=True)
    raise typer.Exit(1 if any(finding.verdict == "bad" for finding in findings) else 0)


def check_python(settings: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", "good", version)


def check_settings(settings: Settings) -> Iterator[Finding]:
    strange = settings.strange_names()
    for sentence in strange:
        yield Finding("Settings", "warning", sentence, "Correct it in .env, or take it out.")
    if not strange:
        yield Finding("Settings", "good", "every name is known")


def check_disk(settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(settings.home).free
    if free < 2 * GIB:
        mend = "Free at least 2 GiB; recordings, models and the database live in this folder."
        yield Finding("Disk", "bad", f"{free / GIB:.1f} GiB free", mend)
    else:
        yield Finding("Disk", "good", f"{free / GIB:.0f} GiB free at {settings.home}")


def check_folders(settings: Settings) -> Iterator[Finding]:
    for name, folder in (("Data folder", settings.data_dir), ("Model cache", settings.models_dir)):
        if not folder.exists():
            yield Finding(name, "good", f"{folder} will be made on first start")
        elif not os.access(folder, os.W_OK):
            owner = f"sudo chown -R {os.getuid()}:{os.getgid()} {folder}"
            yield Finding(name, "bad", f"{folder} cannot be written", owner)
        elif name == "Data folder" and folder.stat().st_mode & 0o077:
            mend = f"chmod 700 {folder}"
            yield Finding(name, "warning", f"{folder} is open to other users", mend)
        else:
            yield Finding(name, "good", str(folder))


def check_ports(settings: Settings) -> Iterator[Finding]:
    if _is_running(settings):
        return
    for name, port in (("Page", settings.frontend_port), ("API", settings.backend_port)):
        if is_free(settings.bind_host, port):
            yield Finding(f"{name} port", "good", f"{port} is free")
        else:
            mend = "Another is taken at start, or set FRONTEND_PORT and BACKEND_PORT in .env."
            yield Finding(f"{name} port", "warning", f"{port} is taken by another program", mend)


def check_postgres(settings: Settings) -> Iterator[Finding]:
    if not settings.uses_embedded_postgres:
        yield Finding("Database", "good", "external, by DATABASE_URL")
        return
    binaries = settings.postgres_bin or wheel_binaries()
    if (binaries / "postgres").is_file():
        yield Finding("Database", "good", f"embedded, {binaries}")
    else:
        mend = "Set OPENTR_POSTGRES_BIN to a folder with PostgreSQL 18, or remove the setting."
        yield Finding("Database", "bad", f"no postgres program in {binaries}", mend)


def check_services(settings: Settings) -> Iterator[Finding]:
    try:
        answer = control.ask(settings.sockets_dir, {"do": "status"}, seconds=5)
    except control.NotRunningError:
        yield Finding("Services", "warning", "not running", "./opentr.sh start")
        return
    yield from check_dependencies(answer["backend_port"])
    for one in answer["services"]:
        if one["state"] == "running":
            yield Finding(one["service"], "good", "running")
        else:
            mend = f"./opentr.sh logs {one['service']}"
            yield Finding(one["service"], "bad", one["state"], mend)


def check_dependencies(port: int) -> Iterator[Finding]:
    """Each port of the running application, as it pings them itself."""
    health = fetch_json(f"http://127.0.0.1:{port}/api/health") or {}
    for one in health.get("dependencies", []):
        good = one.get("status") in {"healthy", "ok", "up"}
        detail = str(one.get("detail") or one.get("status"))
        mend = "" if good else "./opentr.sh logs api"
        yield Finding(str(one.get("name")), "good" if good else "bad", detail, mend)


def _is_running(settings: Settings) -> bool:
    try:
        control.ask(settings.sockets_dir, {"do": "status"}, seconds=5)
    except control.NotRunningError:
        return False
    return True


Check = Callable[[Settings], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (
    check_python,
    check_settings,
    check_disk,
    check_folders,
    check_ports,
    check_postgres,
    check_services,
)
