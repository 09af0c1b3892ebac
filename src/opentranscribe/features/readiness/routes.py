"""HTTP for health, version, statistics and about."""

from __future__ import annotations

from typing import cast

from fastapi import APIRouter, Depends, Request, Response, status

from opentranscribe.edge.deps import OptionsDep, PortsDep, SignedIn, WorkDep, public
from opentranscribe.features.readiness.probes import Probes
from opentranscribe.features.readiness.rules import overall
from opentranscribe.features.readiness.schemas import (
    AboutOut,
    DependencyOut,
    HealthOut,
    LiveOut,
    ReadyOut,
    StatsOut,
    VersionOut,
)
from opentranscribe.features.readiness.service import collect_stats, describe

#: Also served outside ``/api``, where load balancers and the guide look.
health_router = APIRouter(tags=["system"], dependencies=[Depends(public)])
router = APIRouter(tags=["system"])


def _probes(request: Request) -> Probes:
    return cast(Probes, request.app.state.probes)


@health_router.get("/health")
def read_health(request: Request, response: Response, options: OptionsDep) -> HealthOut:
    """Each part with its state; 503 when what is kept cannot be read."""
    answers = _probes(request).ask()
    state = overall((one.name, one.status) for one in answers)
    if state == "unhealthy":
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return HealthOut(
        status=state,
        version=options.version,
        dependencies=[
            DependencyOut(name=one.name, status=one.status, detail=one.detail, seconds=one.seconds)
            for one in answers
        ],
    )


@health_router.get("/livez")
async def read_liveness() -> LiveOut:
    """The process runs. Asks nothing else, so that a broken database restarts nobody."""
    return LiveOut()


@health_router.get("/readyz")
def read_readiness(request: Request, response: Response) -> ReadyOut:
    """Whether requests should be sent here: 503 while the database does not answer."""
    answers = {one.name: one for one in _probes(request).ask()}
    if answers["database"].status == "unhealthy":
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        return ReadyOut(status="not_ready", detail="The database is not answering.")
    return ReadyOut(status="ready")


@health_router.get("/version")
def read_version(options: OptionsDep) -> VersionOut:
    return VersionOut(version=options.version)


@router.get("/system/stats")
def read_stats(caller: SignedIn, work: WorkDep, ports: PortsDep, options: OptionsDep) -> StatsOut:
    return collect_stats(work, ports, options, for_admin=caller.is_admin)


@router.get("/system/about")
def read_about(caller: SignedIn, work: WorkDep, options: OptionsDep) -> AboutOut:
    return describe(work, options)
