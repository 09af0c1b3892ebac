"""Settings become ports, ports become an application: the only package that names adapters."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import sessionmaker

from opentranscribe import __version__
from opentranscribe.adapters.database.connections import OF_REQUESTS, OF_WORKERS, bounded_engine
from opentranscribe.bootstrap.backup_places import build_backup_store
from opentranscribe.bootstrap.engines import Parts, build_models, build_tracer, choose, choose_later
from opentranscribe.features.jobs.kinds import Kinds
from opentranscribe.features.models.jobs import fetch_kind
from opentranscribe.features.search import jobs as search_jobs
from opentranscribe.features.search.indexing import Indexer
from opentranscribe.features.search.rebuilding import reindex_kind
from opentranscribe.features.takeover.jobs import recompute_kind
from opentranscribe.features.transcription import jobs as transcription_jobs
from opentranscribe.features.transcription.pipeline import Engines
from opentranscribe.kit.lazy import Lazy
from opentranscribe.kit.options import Options
from opentranscribe.ports import Ports
from opentranscribe.ports.objects import Objects
from opentranscribe.ports.tracing import NoTracer, Tracer
from opentranscribe.settings import Settings
from opentranscribe.work import WorkFactory
from opentranscribe.work.events import FileAdded, FileDeleted, TranscriptChanged, TranscriptReady

__all__ = ["App", "build_app", "build_backup_store", "build_engines", "build_objects"]


@dataclass(frozen=True)
class App:
    """Everything a process needs; ``close`` gives connections and models back.

    The engines of speech are made when they are first used: the API never loads them.
    """

    settings: Settings
    options: Options
    engine: Engine
    ports: Ports
    work: WorkFactory
    kinds: Kinds
    tracer: Tracer = field(default_factory=NoTracer)

    def unload_models(self) -> None:
        for engine in (self.ports.recognizer, self.ports.diarizer):
            if not isinstance(engine, Lazy) or engine.is_built:
                engine.unload()

    def close(self) -> None:
        self.unload_models()
        self.tracer.close()
        self.engine.dispose()


def build_app(settings: Settings, *, fetches_models: bool = True) -> App:
    """Wire the application; derived schemas are made when they are missing.

    A process that answers requests sets ``fetches_models`` to False: nobody's search waits for a
    download that a worker will do, nor long for a database that does not answer.
    """
    options = build_options(settings)
    patience = OF_WORKERS if fetches_models else OF_REQUESTS
    engine = bounded_engine(settings.sqlalchemy_url, patience, settings.database_pool_size)
    ports = build_ports(Parts(settings, engine, build_models(settings), fetches_models))
    for port in (ports.queue, ports.search, ports.voices):
        ensure = getattr(port, "ensure_schema", None)
        if ensure is not None:
            ensure()
    work = WorkFactory(sessionmaker(engine, expire_on_commit=False), ports.queue, ports.notices)
    kinds = wire(work, ports, options)
    return App(settings, options, engine, ports, work, kinds, build_tracer(settings))


def build_engines(settings: Settings) -> Engines:
    """What transcribing needs where there is no database: for the command line."""
    parts = Parts(settings, create_engine("postgresql+psycopg://"), build_models(settings))
    return Engines(
        media_tools=choose("media_tools", parts),
        recognizer=choose_later("recognizer", parts),
        diarizer=choose_later("diarizer", parts),
    )


def build_objects(settings: Settings) -> Objects:
    """The store of recordings alone, for backups: they are made while nothing else runs, too."""
    parts = Parts(settings, create_engine("postgresql+psycopg://"), build_models(settings))
    store: Objects = choose("objects", parts)
    return store


def wire(work: WorkFactory, ports: Ports, options: Options) -> Kinds:
    """Who does which kind of job, and who listens to what."""
    indexer = Indexer(work, ports.search, ports.sentence_encoder)
    index = search_jobs.index_kind(indexer)
    kinds = Kinds(
        *transcription_jobs.transcription_kinds(ports, options),
        index,
        reindex_kind(indexer, ports.voices),
        fetch_kind(ports.models),
        recompute_kind(ports, options.scratch_dir),
    )
    added = partial(
        transcription_jobs.on_file_added, kinds=kinds, default_model=options.default_model
    )
    deleted = partial(transcription_jobs.on_file_deleted, scratch_dir=options.scratch_dir)
    work.listen(FileAdded, added)
    work.listen(FileDeleted, deleted)
    work.listen(FileDeleted, partial(search_jobs.forget, index=ports.search))
    for event in (TranscriptReady, TranscriptChanged):
        work.listen(event, partial(search_jobs.follow, kind=index))
    return kinds


def build_options(settings: Settings) -> Options:
    return Options(
        version=__version__,
        uploads_dir=settings.uploads_dir,
        scratch_dir=settings.scratch_dir,
        setup_token_file=settings.secrets_dir / "setup-token",
        secrets_dir=settings.secrets_dir,
        backup_dir=settings.backups_dir,
        backup_state_dir=settings.data_dir / "backup",
        update_dir=settings.update_dir,
        default_model=settings.whisper_model,
        cpu_models=settings.cpu_model_names,
        max_upload_bytes=settings.max_upload_bytes,
        allowed_origins=settings.origins,
        cookie_secure=settings.cookie_secure,
        session_idle_seconds=settings.session_idle_minutes * 60,
        session_absolute_seconds=settings.session_absolute_days * 86_400,
        lockout_threshold=settings.lockout_threshold,
        lockout_seconds=settings.lockout_minutes * 60,
        lease_seconds=settings.lease_seconds,
        metrics_token=(settings.metrics_token.get_secret_value() if settings.metrics_token else ""),
        trusted_proxies=tuple(p.strip() for p in settings.trusted_proxies.split(",") if p.strip()),
    )


def build_ports(parts: Parts) -> Ports:
    return Ports(
        objects=choose("objects", parts),
        queue=choose("queue", parts),
        notices=choose("notices", parts),
        search=choose("search", parts),
        voices=choose("voices", parts),
        media_tools=choose("media_tools", parts),
        models=parts.models,
        recognizer=choose_later("recognizer", parts),
        diarizer=choose_later("diarizer", parts),
        sentence_encoder=choose_later("encoder", parts),
        identity=choose("identity", parts),
    )
