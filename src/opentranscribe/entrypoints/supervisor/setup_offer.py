"""Until there is an administrator, a token lets whoever can read it create one."""

from __future__ import annotations

from pathlib import Path

from opentranscribe.entrypoints.supervisor.probes import fetch_json
from opentranscribe.entrypoints.supervisor.secret_files import SETUP_TOKEN, ensure_secret


def offer_setup(secrets_dir: Path, port: int) -> str | None:
    """The token; None when there is an administrator or the API does not say."""
    setup = fetch_json(f"http://127.0.0.1:{port}/api/setup")
    if setup and setup.get("needed"):
        return ensure_secret(secrets_dir, SETUP_TOKEN)
    if setup:
        (secrets_dir / SETUP_TOKEN).unlink(missing_ok=True)
    return None
