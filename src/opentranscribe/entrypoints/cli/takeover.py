"""import: an installation of the earlier system, from its backup, its media and its ``.env``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from dotenv import dotenv_values
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from opentranscribe.bootstrap import build_app, build_backup_store, build_objects
from opentranscribe.entrypoints.cli import services
from opentranscribe.entrypoints.cli.db import reach_database
from opentranscribe.entrypoints.installation.backups import InstallationBackups
from opentranscribe.entrypoints.supervisor import control
from opentranscribe.entrypoints.supervisor.postgres import wheel_binaries
from opentranscribe.entrypoints.supervisor.secret_files import private_folder
from opentranscribe.features.search.rebuilding import complete_index
from opentranscribe.features.takeover.completion import complete_media
from opentranscribe.features.takeover.errors import DumpUnsuitableError, KeyMissingError
from opentranscribe.features.takeover.jobs import NAME, create_jobs
from opentranscribe.features.takeover.media_sources import BucketSource, FolderSource, MediaSource
from opentranscribe.features.takeover.rules.environment import KEY, Proposal, propose
from opentranscribe.features.takeover.service import LiveContents, Places, Takeover
from opentranscribe.kit.durable import write_durably
from opentranscribe.kit.errors import ConflictError
from opentranscribe.settings import Settings, names_of

console = Console(highlight=False)
KEY_FILE = "earlier-encryption-key"
#: So often is said how far the copying of recordings is.
TOLD_EVERY = 50
NOTHING = LiveContents(0, 0)


def register(app: typer.Typer) -> None:
    app.command("import")(import_)


def import_(
    dump: Annotated[
        Path | None,
        typer.Argument(
            help="Backup of the earlier database: plain, -Fc, -Ft, -Fd; packed (.gz) too. Without"
            " it, only recordings that are still missing are taken from --media."
        ),
    ] = None,
    media: Annotated[
        str,
        typer.Option(
            help="Its bucket, s3://BUCKET with AWS_… in .env, or a folder exported from it."
        ),
    ] = "",
    env: Annotated[Path | None, typer.Option(help="Its .env; has the key of its secrets.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take over an installation of the earlier system: people, recordings, transcripts."""
    settings = Settings.load()
    private_folder(settings.data_dir)
    if dump is None:
        _complete(settings, media)
        return
    earlier = _read_env(env)
    source = _open_media(settings, media)
    takeover = Takeover(_places(settings), "", dump.resolve(), _tell)
    with takeover.alone():
        with reach_database() as url, _discarding(takeover):
            takeover.url = url
            _prepare(takeover, settings, source, earlier, yes=yes)
        _put_in_place(takeover, settings, earlier)


@contextmanager
def _discarding(takeover: Takeover) -> Iterator[None]:
    """What was made aside goes when anything goes wrong."""
    try:
        yield
    except BaseException:
        takeover.discard()
        raise


def _places(settings: Settings) -> Places:
    private_folder(settings.scratch_dir)
    return Places(
        bin_dir=settings.postgres_bin or wheel_binaries(),
        state_dir=private_folder(settings.data_dir / "import"),
        scratch_dir=settings.scratch_dir,
    )


def _open_media(settings: Settings, media: str) -> MediaSource | None:
    """Raises DumpUnsuitableError for a folder that is none, StoreRefusedError for a bucket that
    cannot be named."""
    if not media:
        return None
    if "://" in media:
        return BucketSource(build_backup_store(settings, media))
    return FolderSource(Path(media))


def _complete(settings: Settings, media: str) -> None:
    """Recordings alone, while the installation runs or sleeps."""
    source = _open_media(settings, media)
    if source is None:
        raise DumpUnsuitableError("Give a dump of the earlier database, or --media, or both.")
    with reach_database() as url:
        app = build_app(settings)
        try:
            objects = app.ports.objects
            result, voiceless = complete_media(url, source, objects, _places(settings), _watch)
            made = create_jobs(app.work, app.kinds, voiceless)
        finally:
            app.close()
    _tell(f"✓ {result.copied + result.present} recordings taken, {len(result.missing)} missing.")
    _tell(f"Jobs for their voiceprints and waveforms: {made}")


def _prepare(
    takeover: Takeover,
    settings: Settings,
    media: MediaSource | None,
    earlier: dict[str, str | None],
    *,
    yes: bool,
) -> None:
    takeover.read()
    _tell(takeover.report.recognised)
    if not takeover.try_key(earlier.get(KEY)):
        for secret in takeover.report.secrets:
            if not secret.is_readable:
                failed = secret.wrong_key + secret.strange
                _tell(f"! {secret.feature}: {failed} of {secret.tried} tried cannot be read.")
        _ask(
            "Go on without these secrets? They have to be entered again.",
            "Some stored secrets cannot be read with the given ENCRYPTION_KEY. Nothing was changed."
            " Give the earlier .env with --env, or go on without them with --yes.",
            yes=yes,
        )
    _require_consent(takeover.look_at_live(), yes=yes)
    takeover.carry_media(media, build_objects(settings), _watch)
    _create_jobs(takeover, settings)


def _require_consent(live: LiveContents, *, yes: bool) -> None:
    """What is there already is only replaced when somebody says so."""
    if live != NOTHING:
        _ask(
            f"This installation has {live.users} users and {live.files} recordings. Replace them?",
            f"This installation has {live.users} users and {live.files} recordings, which an"
            " import replaces. Nothing was changed. To replace them (a backup is made first) add"
            " --yes.",
            yes=yes,
        )


def _create_jobs(takeover: Takeover, settings: Settings) -> None:
    """In the database aside, so that they are there in the moment it becomes the live one."""
    voiceless = takeover.settle()
    aside = Settings.load(settings.home, database_url=takeover.aside)
    app = build_app(aside)
    try:
        takeover.report.jobs = {
            "search.index_file": complete_index(app.work, app.kinds, app.ports.search),
            NAME: create_jobs(app.work, app.kinds, voiceless),
        }
    finally:
        app.close()


def _put_in_place(takeover: Takeover, settings: Settings, earlier: dict[str, str | None]) -> None:
    """Nobody works on the live database from the backup on, so that it has all of it."""
    proposal = _propose(earlier)
    takeover.report.settings = {
        "taken": sorted(proposal.taken),
        "refused": list(proposal.refused),
        "unused": list(proposal.unused),
    }
    was_running = _is_running(settings)
    if was_running:
        services.stop()
    try:
        with reach_database(), _discarding(takeover):
            _back_up(takeover, settings)
            _keep_key(settings, earlier.get(KEY))
            report = takeover.put_in_place()
        _keep_settings(settings, proposal)
        for line in takeover.report.lines():
            _tell(line)
        _tell(f"✓ Taken over. The whole report: {report}")
    finally:
        if was_running:
            services.start()
    if not was_running:
        _tell("Start it with: ./opentr.sh start")


def _back_up(takeover: Takeover, settings: Settings) -> None:
    if takeover.look_at_live() != NOTHING:
        takeover.report.safety_backup = str(InstallationBackups(settings).make())
        _tell(f"What was here is kept in {takeover.report.safety_backup}")


def _read_env(env: Path | None) -> dict[str, str | None]:
    if env is None:
        return {}
    if not env.is_file():
        raise DumpUnsuitableError(f"There is no file {env}. Nothing was changed.")
    return dict(dotenv_values(env, interpolate=False))


def _propose(earlier: dict[str, str | None]) -> Proposal:
    fields = {name: names_of(name) for name in Settings.model_fields}
    known = {alias: names[0] for names in fields.values() for alias in names}
    of_name = {names[0]: field for field, names in fields.items()}

    def suits(name: str, value: str) -> bool:
        try:
            Settings.load(Path("/nonexistent"), **{of_name[name]: value})
        except (ValidationError, ValueError):
            return False
        return True

    return propose(earlier, known, suits)


def _keep_key(settings: Settings, key: str | None) -> None:
    """Features that use such secrets read them with it."""
    if key:
        private_folder(settings.secrets_dir)
        write_durably(settings.secrets_dir / KEY_FILE, f"{key}\n", 0o600)


def _keep_settings(settings: Settings, proposal: Proposal) -> None:
    if not proposal.taken:
        return
    own = settings.home / ".env"
    target = own.with_name(".env.imported") if own.exists() else own
    write_durably(target, proposal.text(), 0o600)
    _tell(f"Settings of the earlier .env that mean something here are in {target}:")
    for name in proposal.taken:
        _tell(f"    {name}")


def _is_running(settings: Settings) -> bool:
    try:
        control.ask(settings.sockets_dir, {"do": "status"})
    except control.NotRunningError:
        return False
    return True


def _ask(question: str, refusal: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise (KeyMissingError if "ENCRYPTION_KEY" in refusal else ConflictError)(refusal)
    typer.confirm(question, abort=True)


def _watch(done: int, total: int) -> None:
    if done == total or done % TOLD_EVERY == 0:
        _tell(f"{done} of {total} recordings looked at.")


def _tell(line: str) -> None:
    console.print(escape(line), soft_wrap=True)
