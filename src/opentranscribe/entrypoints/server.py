"""The API process: one application behind the page's port and the API's port."""

from __future__ import annotations

import signal
import sys

import uvicorn

from opentranscribe.bootstrap import build_app
from opentranscribe.entrypoints.background import configure_logging, watch_schema
from opentranscribe.entrypoints.doors import PoliteServer, inherited_doors, open_doors
from opentranscribe.entrypoints.http import create_app
from opentranscribe.entrypoints.supervisor.standby import is_told_to_begin
from opentranscribe.settings import Settings

#: For answers under way when we are stopped. A player that is cut off asks for the rest again, an
#: upload is resumed.
GRACE_SECONDS = 2


def main() -> int:
    if not is_told_to_begin():
        return 0
    settings = Settings.load()
    configure_logging(settings)
    if not watch_schema(settings.sqlalchemy_url):
        return 1
    app = build_app(settings, fetches_models=False)
    doors = inherited_doors(sys.argv) or open_doors(
        settings.bind_host, (settings.frontend_port, settings.backend_port)
    )
    config = uvicorn.Config(
        create_app(app),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ws_max_size=64 * 1024,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
    )
    polite = PoliteServer(config)
    signal.signal(signal.SIGUSR1, polite.let_go)
    try:
        polite.run(sockets=doors)
    finally:
        app.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
