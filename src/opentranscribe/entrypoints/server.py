"""The API process: one application behind the page's port and the API's port."""

from __future__ import annotations

import socket
import sys

import uvicorn

from opentranscribe.bootstrap import build_app
from opentranscribe.entrypoints.background import watch_schema
from opentranscribe.entrypoints.http import create_app
from opentranscribe.entrypoints.supervisor.standby import is_told_to_begin
from opentranscribe.settings import Settings

#: For answers under way when we are stopped. A player that is cut off asks for the rest again, an
#: upload is resumed.
GRACE_SECONDS = 2


def listen(host: str, port: int) -> socket.socket:
    """Where the system can, the port is shared with processes of the same user: while one release
    takes over from another nobody is refused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "SO_REUSEPORT"):
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind((host, port))
    listening.set_inheritable(False)
    return listening


def main() -> int:
    if not is_told_to_begin():
        return 0
    settings = Settings.load()
    if not watch_schema(settings.sqlalchemy_url):
        return 1
    app = build_app(settings, fetches_models=False)
    sockets = [
        listen(settings.bind_host, port)
        for port in dict.fromkeys((settings.frontend_port, settings.backend_port))
    ]
    config = uvicorn.Config(
        create_app(app),
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ws_max_size=64 * 1024,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
    )
    try:
        uvicorn.Server(config).run(sockets=sockets)
    finally:
        app.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
