"""HTTP for updates: what the Upgrade page shows and asks for."""

from __future__ import annotations

from fastapi import APIRouter, Depends, status

from opentranscribe.edge.deps import AdminOnly, OptionsDep, public
from opentranscribe.features.upgrade.overview import describe_updates
from opentranscribe.features.upgrade.requests import Request, Verb, ask
from opentranscribe.features.upgrade.schemas import AskedOut, MaintenanceOut, UpdateIn, UpdatesOut
from opentranscribe.kit.options import Options

router = APIRouter(tags=["updates"])


@router.get("/maintenance", dependencies=[Depends(public)])
def read_maintenance() -> MaintenanceOut:
    """While visitors are held this address answers with how far the update is."""
    return MaintenanceOut()


@router.get("/admin/updates")
def read_updates(caller: AdminOnly, options: OptionsDep) -> UpdatesOut:
    return describe_updates(options.update_dir, options.version)


@router.post("/admin/updates/check", status_code=status.HTTP_202_ACCEPTED)
def check_update(caller: AdminOnly, options: OptionsDep, wanted: UpdateIn) -> AskedOut:
    """Look for a release and rehearse; changes nothing."""
    return _ask(options, "check", caller.user_id, wanted.version)


@router.post("/admin/updates", status_code=status.HTTP_202_ACCEPTED)
def begin_update(caller: AdminOnly, options: OptionsDep, wanted: UpdateIn) -> AskedOut:
    return _ask(options, "update", caller.user_id, wanted.version)


@router.post("/admin/updates/rollback", status_code=status.HTTP_202_ACCEPTED)
def begin_rollback(caller: AdminOnly, options: OptionsDep) -> AskedOut:
    return _ask(options, "rollback", caller.user_id, "")


def _ask(options: Options, verb: Verb, user_id: int, version: str) -> AskedOut:
    ask(options.update_dir, Request(verb, f"user {user_id}", version))
    return AskedOut(asked=verb)
