"""HTTP for backups: what the page shows and asks for. Carried out by the scheduler's process."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, status

from opentranscribe.edge.deps import AdminOnly, OptionsDep, WorkDep
from opentranscribe.features.backup.catalogue import Catalogue
from opentranscribe.features.backup.errors import BackupNeededError, BackupNotFoundError
from opentranscribe.features.backup.keys import KeyRing
from opentranscribe.features.backup.orders import Order, place_order
from opentranscribe.features.backup.overview import describe_backups
from opentranscribe.features.backup.policy import Policy, read_policy, write_policy
from opentranscribe.features.backup.pruning import list_removable
from opentranscribe.features.backup.schemas import AskedBackupOut, BackupIn, BackupsOut
from opentranscribe.kit import clock
from opentranscribe.kit.options import Options

BackupName = Annotated[str, Path(max_length=100)]
router = APIRouter(prefix="/admin/backups", tags=["backups"])


@router.get("")
def read_backups(caller: AdminOnly, work: WorkDep, options: OptionsDep) -> BackupsOut:
    return describe_backups(
        options.backup_dir,
        options.backup_state_dir,
        read_policy(work),
        clock.now().astimezone(),
        key_waiting=KeyRing(options.secrets_dir).peek_recovery_key() is not None,
    )


@router.post("", status_code=status.HTTP_202_ACCEPTED)
def create_backup(caller: AdminOnly, options: OptionsDep, wanted: BackupIn) -> AskedBackupOut:
    """Made and checked in the background."""
    return _place(options, Order("create", kind=wanted.kind, encrypt=wanted.encrypt))


@router.post("/drill", status_code=status.HTTP_202_ACCEPTED)
def rehearse_restore(caller: AdminOnly, options: OptionsDep) -> AskedBackupOut:
    """Restore the newest good one aside and look into it."""
    if not any(one.is_good for one in Catalogue(options.backup_dir).list()):
        raise BackupNotFoundError("There is no good backup to rehearse. Make one first.")
    return _place(options, Order("drill"))


@router.put("/policy")
def change_policy(caller: AdminOnly, work: WorkDep, wanted: Policy) -> Policy:
    write_policy(work, wanted)
    return wanted


@router.post("/{name}/verify", status_code=status.HTTP_202_ACCEPTED)
def verify_backup(caller: AdminOnly, options: OptionsDep, name: BackupName) -> AskedBackupOut:
    """Read every byte of it again."""
    return _place(options, Order("verify", name=_known(options, name)))


@router.delete("/{name}", status_code=status.HTTP_202_ACCEPTED)
def remove_backup(caller: AdminOnly, options: OptionsDep, name: BackupName) -> AskedBackupOut:
    known = _known(options, name)
    catalogue = Catalogue(options.backup_dir)
    if known not in list_removable(catalogue):
        raise BackupNeededError(
            f"{known} is the last good or rehearsed backup. It was not removed. Make another one"
            " first."
        )
    return _place(options, Order("remove", name=known))


def _known(options: Options, name: str) -> str:
    """A name from a stranger is only ever compared, never opened. Raises BackupNotFoundError."""
    for one in Catalogue(options.backup_dir).list():
        if one.name == name:
            return one.name
    raise BackupNotFoundError("There is no such backup.")


def _place(options: Options, order: Order) -> AskedBackupOut:
    place_order(options.backup_state_dir, order)
    return AskedBackupOut(asked=order.verb)
