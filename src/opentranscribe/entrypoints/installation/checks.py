"""What a preflight is told of this installation."""

from __future__ import annotations

from pathlib import Path

from opentranscribe.entrypoints.installation.embedded import EmbeddedDeployment
from opentranscribe.entrypoints.supervisor.postgres import wheel_binaries
from opentranscribe.features.upgrade.preflight import BackupFact, Context, TargetRelease
from opentranscribe.kit import clock
from opentranscribe.ports.deployment import Release
from opentranscribe.settings import Settings


def preflight_context(
    settings: Settings,
    deployment: EmbeddedDeployment,
    *,
    old: Release,
    new: Release,
    url: str,
    newest_backup: BackupFact | None = None,
    recovery_key_known: bool = False,
) -> Context:
    frontend, backend = deployment.ports
    return Context(
        home=settings.home,
        data_dir=settings.data_dir,
        backups_dir=settings.backups_dir,
        models_dir=settings.models_dir,
        releases_dir=settings.data_dir / "releases",
        run_dir=settings.run_dir,
        secrets_dir=settings.secrets_dir,
        logs_dir=settings.logs_dir,
        env_file=settings.home / ".env",
        env_example=new.files / ".env.example" if new.files else None,
        database_url=url,
        embedded=settings.uses_embedded_postgres,
        frontend_port=frontend,
        backend_port=backend,
        bind_host=settings.bind_host,
        is_running=deployment.is_running(),
        current_version=old.version.removeprefix("v"),
        target=_target(settings, new),
        newest_backup=newest_backup,
        recovery_key_known=recovery_key_known,
        now=clock.now(),
        tools_dir=settings.postgres_bin or wheel_binaries(),
        offline=settings.offline,
    )


def _target(settings: Settings, new: Release) -> TargetRelease:
    folder = settings.data_dir / "releases" / new.name
    wheels = sorted(folder.glob("*.whl"))
    wheel: Path | None = wheels[0] if wheels else None
    return TargetRelease(new.version, folder, wheel, new.facts)
