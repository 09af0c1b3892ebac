"""The HTTP application: one table of routers, the guards around them, the page in front."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import APIRouter, FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from opentranscribe.bootstrap import App
from opentranscribe.edge.bodies import BodyGuard
from opentranscribe.edge.failures import register_failures
from opentranscribe.edge.fence import FenceGuard
from opentranscribe.edge.measuring import Measuring
from opentranscribe.edge.origins import OriginGuard
from opentranscribe.edge.request_scope import RequestScope
from opentranscribe.edge.slots import THREADS
from opentranscribe.edge.state import EdgeState
from opentranscribe.edge.tracing import Tracing
from opentranscribe.entrypoints.api_docs import docs_router
from opentranscribe.entrypoints.authentication import Authenticator
from opentranscribe.entrypoints.metrics import build_registry, metrics_router
from opentranscribe.entrypoints.openapi import install_openapi, operation_id
from opentranscribe.entrypoints.static import StaticSite, page_folder
from opentranscribe.entrypoints.websocket import Sockets
from opentranscribe.features.accounts.routes import router as accounts
from opentranscribe.features.auth.routes import router as auth
from opentranscribe.features.auth.setup import SetupService, ensure_setup_token
from opentranscribe.features.backup.routes import router as backup
from opentranscribe.features.editing.routes import router as editing
from opentranscribe.features.exports.routes import router as exports
from opentranscribe.features.jobs.routes import router as jobs
from opentranscribe.features.library.routes import router as library
from opentranscribe.features.media.routes import router as media
from opentranscribe.features.models.routes import router as models
from opentranscribe.features.readiness.probes import Probes
from opentranscribe.features.readiness.routes import health_router
from opentranscribe.features.readiness.routes import router as readiness
from opentranscribe.features.readiness.service import build_probes
from opentranscribe.features.search.routes import router as search
from opentranscribe.features.speakers.routes import router as speakers
from opentranscribe.features.system_settings.routes import router as system_settings
from opentranscribe.features.transcription.routes import router as transcription
from opentranscribe.features.upgrade.routes import router as upgrade
from opentranscribe.kit.options import Options
from opentranscribe.ports.tracing import NoTracer, Tracer
from opentranscribe.work import SYSTEM

log = logging.getLogger(__name__)

#: One line a feature. Fixed paths (``/files/sample``) must come before those with a parameter
#: (``/files/{file_uuid}``).
ROUTERS: tuple[APIRouter, ...] = (
    auth,
    accounts,
    media,
    library,
    editing,
    speakers,
    exports,
    transcription,
    jobs,
    models,
    search,
    system_settings,
    readiness,
    upgrade,
    backup,
    health_router,
)
PREFIX = "/api"
NOT_COMPRESSED = (
    *DEFAULT_EXCLUDED_CONTENT_TYPES,
    "application/octet-stream",
    "application/offset+octet-stream",
)


def create_app(app: App) -> FastAPI:
    authenticator = Authenticator(app.work, app.options)
    sockets = Sockets(authenticator, app.ports.notices, app.options.allowed_origins)
    probes = Probes(build_probes(app.work, app.ports, app.options))

    @asynccontextmanager
    async def lifespan(_api: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        await anyio.to_thread.run_sync(prepare_setup, app)
        async with sockets.running():
            yield
        probes.close()

    api = FastAPI(
        title="OpenTranscribe",
        version=app.options.version,
        summary="Recordings in, searchable transcripts that say who spoke out.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        lifespan=lifespan,
    )
    api.state.probes = probes
    api.state.kinds = app.kinds
    api.state.metrics = build_registry(app)
    api.state.edge = EdgeState(
        ports=app.ports,
        work=app.work,
        options=app.options,
        authenticate=authenticator.of_request,
    )
    add_guards(api, app.options, app.tracer)
    api.add_middleware(Measuring, registry=api.state.metrics)
    register_failures(api)
    for router in ROUTERS:
        api.include_router(router, prefix=PREFIX)
    api.include_router(health_router, include_in_schema=False)
    api.include_router(docs_router)
    api.include_router(metrics_router)
    api.add_api_websocket_route("/api/ws", sockets.serve)
    install_openapi(api, ROUTERS, PREFIX)
    # Not a route: a wrong method on an address of the API must stay a 405.
    api.router.default = StaticSite(page_folder())
    return api


def add_guards(api: FastAPI, options: Options, tracer: Tracer) -> None:
    """Added from the inside out: the last one sees a request first."""
    api.add_middleware(OriginGuard, allowed=options.allowed_origins)
    api.add_middleware(BodyGuard)
    api.add_middleware(
        GZipMiddleware, minimum_size=1024, compresslevel=5, exclude_content_types=NOT_COMPRESSED
    )
    api.add_middleware(FenceGuard, folder=options.update_dir)
    if not isinstance(tracer, NoTracer):
        api.add_middleware(Tracing, tracer=tracer)
    api.add_middleware(RequestScope)


def prepare_setup(app: App) -> None:
    """The set-up page needs its token; a database that is still away is no reason not to start."""
    try:
        with app.work(SYSTEM) as work:
            if SetupService(work, app.options).is_needed():
                ensure_setup_token(app.options.setup_token_file)
    except SQLAlchemyError as error:
        log.warning("cannot see yet whether the first administrator exists: %s", error)
