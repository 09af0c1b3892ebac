"""``/metrics`` for Prometheus: this process's requests, and the installation as a whole."""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
)

from opentranscribe.bootstrap import App
from opentranscribe.edge.deps import OptionsDep, public
from opentranscribe.features.backup.metrics import BackupCollector
from opentranscribe.features.readiness.metrics import InstallationCollector
from opentranscribe.kit.errors import ForbiddenError

THIS_MACHINE = frozenset({"127.0.0.1", "::1"})
#: Set by proxies: then whoever asks is somewhere else, however near the proxy is.
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


def build_registry(app: App) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    registry.register(InstallationCollector(app.work, app.options.version))
    registry.register(BackupCollector(app.options.backup_dir))
    return registry


def may_read(request: Request, options: OptionsDep) -> None:
    """Who brings the token; without one set, programs of this machine. Raises ForbiddenError."""
    if options.metrics_token:
        given = request.headers.get("Authorization", "")
        allowed = hmac.compare_digest(
            given.encode(errors="replace"), f"Bearer {options.metrics_token}".encode()
        )
    else:
        nearby = request.client is not None and request.client.host in THIS_MACHINE
        allowed = nearby and not any(name in request.headers for name in FORWARDED)
    if not allowed:
        raise ForbiddenError(
            "Metrics are for programs of this machine, or with the token that"
            " OPENTR_METRICS_TOKEN sets: Authorization: Bearer …"
        )


metrics_router = APIRouter(tags=["system"], dependencies=[Depends(public), Depends(may_read)])


@metrics_router.get("/metrics", include_in_schema=False)
def read_metrics(request: Request) -> Response:
    content = generate_latest(request.app.state.metrics)
    return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})
