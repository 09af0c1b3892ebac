"""Checks of the machine: clock, ports, memory, limits, and what runs on it."""

from __future__ import annotations

from datetime import timedelta

from opentranscribe.features.upgrade.preflight.facts import Facts, Port
from opentranscribe.features.upgrade.preflight.findings import (
    Check,
    Finding,
    blocker,
    note,
    warning,
)
from opentranscribe.features.upgrade.preflight.rules import commands

MIB = 1024**2
CLOCK_SECONDS = 30.0
FUTURE = timedelta(minutes=5)
LITTLE_MEMORY, TOO_LITTLE_MEMORY = 1024 * MIB, 384 * MIB
FEW_OPEN_FILES = 1024
LITTLE_TEMP = 256 * MIB
MANY_LOGS = 2048 * MIB
SET_CLOCK = "sudo timedatectl set-ntp true"


def check_database_clock(facts: Facts) -> Finding | None:
    ahead = facts.server.value.clock_ahead_seconds
    if abs(ahead) <= CLOCK_SECONDS:
        return None
    which = "ahead of" if ahead > 0 else "behind"
    return warning(
        f"The database's clock is {abs(ahead):.0f} s {which} this machine's; leases of jobs would"
        " end too early or too late.",
        SET_CLOCK,
    )


def check_clock(facts: Facts) -> Finding | None:
    newest, now = facts.machine.value.newest_file_at, facts.context.now
    if newest is None or newest - now <= FUTURE:
        return None
    return warning(
        f"Files here were written at {newest:%Y-%m-%d %H:%M}, later than now, {now:%Y-%m-%d %H:%M}:"
        " the clock was set back. Backups would be sorted wrongly.",
        SET_CLOCK,
    )


def check_ports_free(facts: Facts) -> Finding | None:
    if facts.context.is_running:
        return None
    taken = [one for one in facts.ports.value if one.state == "taken"]
    if not taken:
        return None
    return warning(
        f"Port {taken[0].number} of the {taken[0].name} is taken by another program; OpenTranscribe"
        " would have another address after the update.",
        _who(taken[0]),
    )


def check_ports_served(facts: Facts) -> Finding | None:
    if not facts.context.is_running:
        return None
    silent = [one for one in facts.ports.value if one.state == "free"]
    if not silent:
        return None
    return warning(
        f"OpenTranscribe runs, but nobody listens on port {silent[0].number} of the"
        f" {silent[0].name}.",
        commands.RESTART,
    )


def check_address(facts: Facts) -> Finding | None:
    bad = [one for one in facts.ports.value if one.state in {"forbidden", "not_here"}]
    if not bad:
        return None
    host, number = facts.context.bind_host, bad[0].number
    if bad[0].state == "forbidden":
        return blocker(
            f"Port {number} may not be opened by this user; those below 1024 are for root.",
            "sudo sysctl net.ipv4.ip_unprivileged_port_start=80",
        )
    return blocker(
        f"{host} is not an address of this machine, so nothing could be served there.",
        "sed -i 's/^OPENTR_BIND_HOST=.*/OPENTR_BIND_HOST=127.0.0.1/' .env",
    )


def check_memory(facts: Facts) -> Finding | None:
    free = facts.machine.value.memory_bytes
    if free is None or free >= LITTLE_MEMORY:
        return None
    say = blocker if free < TOO_LITTLE_MEMORY else warning
    return say(
        f"{commands.size(free)} of memory are free; the update runs beside the services and may be"
        " ended by the system.",
        "./opentr.sh stop",
    )


def check_open_files(facts: Facts) -> Finding | None:
    most = facts.machine.value.open_files
    if most < 0 or most >= FEW_OPEN_FILES:
        return None
    return warning(
        f"A process may open {most} files at once here; the services need up to {FEW_OPEN_FILES}.",
        "ulimit -n 4096",
    )


def check_locale(facts: Facts) -> Finding | None:
    encoding = facts.machine.value.text_encoding
    if encoding in {"utf-8", "utf8"}:
        return None
    return warning(
        f"File names are written as {encoding} here, not UTF-8; those of recordings could break.",
        "export LANG=C.UTF-8",
    )


def check_temp(facts: Facts) -> Finding | None:
    machine = facts.machine.value
    if not machine.temp_writable:
        return blocker(
            f"{machine.temp} cannot be written; programs that the update calls need it.",
            "export TMPDIR=/var/tmp",
        )
    if machine.temp_free_bytes < LITTLE_TEMP:
        return warning(
            f"{machine.temp} has only {commands.size(machine.temp_free_bytes)} free.",
            "export TMPDIR=/var/tmp",
        )
    return None


def check_last_start(facts: Facts) -> Finding | None:
    failure = facts.services.value.last_failure
    if not failure or facts.context.is_running:
        return None
    first = failure.splitlines()[0]
    return warning(
        f"The last start failed: {first} An update would only hide why.", "./opentr.sh logs"
    )


def check_strays(facts: Facts) -> Finding | None:
    strays = facts.services.value.strays
    if not strays:
        return None
    return warning(
        f"Services run without a supervisor (process {commands.listed([str(p) for p in strays])})"
        " and would go on with the old release.",
        commands.RESTART,
    )


def check_logs(facts: Facts) -> Finding | None:
    written = facts.services.value.logs_bytes
    if written < MANY_LOGS:
        return None
    return note(
        f"The logs take {commands.size(written)}; something writes a lot.",
        f"ls -lhS {facts.context.logs_dir}",
    )


def _who(port: Port) -> str:
    return f"ss -ltnp 'sport = :{port.number}'"


CHECKS = (
    Check("clock-database", "Clock of the database", check_database_clock),
    Check("clock", "Clock", check_clock),
    Check("ports-free", "Ports", check_ports_free),
    Check("ports-served", "Ports in use", check_ports_served),
    Check("address", "Address", check_address),
    Check("memory", "Memory", check_memory),
    Check("open-files", "Open files", check_open_files),
    Check("locale", "File names", check_locale),
    Check("temp", "Temporary folder", check_temp),
    Check("last-start", "Last start", check_last_start),
    Check("stray-services", "Stray services", check_strays),
    Check("logs", "Logs", check_logs),
)
