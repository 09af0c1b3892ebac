"""Settings become ports, ports become an application: the only module that names adapters.

One table per port, from the engine's name to its builder. Builders import what they need when
they are called, so that a process loads no engine it does not use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import sessionmaker

from opentranscribe import __version__
from opentranscribe.adapters.backup_stores.folder import FolderStore
from opentranscribe.adapters.backup_stores.s3 import S3Store
from opentranscribe.adapters.backup_stores.sftp import SftpStore, SshAccess
from opentranscribe.adapters.database.connections import OF_REQUESTS, OF_WORKERS, bounded_engine
from opentranscribe.features.jobs.kinds import Kinds
from opentranscribe.features.models.jobs import fetch_kind
from opentranscribe.features.search import jobs as search_jobs
from opentranscribe.features.search.indexing import Indexer
from opentranscribe.features.search.rebuilding import reindex_kind
from opentranscribe.features.takeover.jobs import recompute_kind
from opentranscribe.features.transcription import jobs as transcription_jobs
from opentranscribe.features.transcription.pipeline import Engines
from opentranscribe.kit.errors import InvalidError
from opentranscribe.kit.lazy import Lazy
from opentranscribe.kit.options import Options
from opentranscribe.ports import Ports
from opentranscribe.ports.backup_stores import BackupStore, StoreRefusedError
from opentranscribe.ports.models import ModelStore
from opentranscribe.ports.objects import Objects
from opentranscribe.settings import Settings
from opentranscribe.work import WorkFactory
from opentranscribe.work.events import FileAdded, FileDeleted, TranscriptChanged, TranscriptReady


@dataclass(frozen=True)
class Parts:
    """What a builder may draw on."""

    settings: Settings
    engine: Engine
    models: ModelStore
    fetches_models: bool = True


Builder = Callable[[Parts], Any]


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

    def unload_models(self) -> None:
        for engine in (self.ports.recognizer, self.ports.diarizer):
            if not isinstance(engine, Lazy) or engine.is_built:
                engine.unload()

    def close(self) -> None:
        self.unload_models()
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
    for port in (ports.queue, ports.search):
        ensure = getattr(port, "ensure_schema", None)
        if ensure is not None:
            ensure()
    work = WorkFactory(sessionmaker(engine, expire_on_commit=False), ports.queue, ports.notices)
    kinds = wire(work, ports, options)
    return App(settings, options, engine, ports, work, kinds)


def build_engines(settings: Settings) -> Engines:
    """What transcribing needs where there is no database: for the command line."""
    parts = Parts(settings, create_engine("postgresql+psycopg://"), build_models(settings))
    return Engines(
        media_tools=_choose("media_tools", settings.media_tools_engine, MEDIA_TOOLS, parts),
        recognizer=_later("recognizer", settings.recognizer_engine, RECOGNIZERS, parts),
        diarizer=_later("diarizer", settings.diarizer_engine, DIARIZERS, parts),
    )


def build_objects(settings: Settings) -> Objects:
    """The store of recordings alone, for backups: they are made while nothing else runs, too."""
    parts = Parts(settings, create_engine("postgresql+psycopg://"), build_models(settings))
    store: Objects = _choose("objects", settings.objects_engine, OBJECTS, parts)
    return store


def wire(work: WorkFactory, ports: Ports, options: Options) -> Kinds:
    """Who does which kind of job, and who listens to what."""
    indexer = Indexer(work, ports.search, ports.sentence_encoder)
    index = search_jobs.index_kind(indexer)
    kinds = Kinds(
        *transcription_jobs.transcription_kinds(ports, options),
        index,
        reindex_kind(indexer),
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


def build_backup_store(settings: Settings, url: str) -> BackupStore:
    """For a folder, ``s3://BUCKET/PREFIX`` or ``sftp://USER@HOST[:PORT]/PATH``. Raises
    StoreRefusedError for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port or 22
    except ValueError as error:
        raise StoreRefusedError(f"{url!r} is no place for backups: {error}.") from error
    if parts.password is not None:
        raise StoreRefusedError(
            "A password in an address can be read by everybody on this machine. Nothing was sent."
            " Name a key file in .env: OPENTR_BACKUP_SSH_KEY."
        )
    if parts.scheme == "s3" and parts.hostname:
        return S3Store(parts.netloc, parts.path.strip("/"), settings.written_variables())
    if parts.scheme == "sftp" and parts.hostname:
        access = SshAccess(
            parts.hostname,
            port,
            parts.username,
            settings.backup_ssh_key,
            settings.backup_known_hosts.expanduser(),
        )
        return SftpStore(access, unquote(parts.path))
    if parts.scheme or not url:
        raise StoreRefusedError(
            f"{url!r} is no place for backups. Give a folder, s3://BUCKET/PREFIX or"
            " sftp://USER@HOST/PATH."
        )
    return FolderStore(Path(url).expanduser().absolute())


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
        max_upload_bytes=settings.max_upload_bytes,
        allowed_origins=settings.origins,
        cookie_secure=settings.cookie_secure,
        session_idle_seconds=settings.session_idle_minutes * 60,
        session_absolute_seconds=settings.session_absolute_days * 86_400,
        lockout_threshold=settings.lockout_threshold,
        lockout_seconds=settings.lockout_minutes * 60,
        lease_seconds=settings.lease_seconds,
        trusted_proxies=tuple(p.strip() for p in settings.trusted_proxies.split(",") if p.strip()),
    )


def build_ports(parts: Parts) -> Ports:
    settings = parts.settings
    return Ports(
        objects=_choose("objects", settings.objects_engine, OBJECTS, parts),
        queue=_choose("queue", settings.queue_engine, QUEUES, parts),
        notices=_choose("notices", settings.notices_engine, NOTICES, parts),
        search=_choose("search", settings.search_engine, SEARCHES, parts),
        media_tools=_choose("media_tools", settings.media_tools_engine, MEDIA_TOOLS, parts),
        models=parts.models,
        recognizer=_later("recognizer", settings.recognizer_engine, RECOGNIZERS, parts),
        diarizer=_later("diarizer", settings.diarizer_engine, DIARIZERS, parts),
        sentence_encoder=_later("encoder", settings.encoder_engine, ENCODERS, parts),
        identity=_choose("identity", "", IDENTITIES, parts),
    )


class UnknownEngineError(InvalidError):
    code = "unknown_engine"


def _choose(port: str, name: str, table: Mapping[str, Builder], parts: Parts) -> Any:
    """The engine by name; the first of the table when none is named."""
    return _builder(port, name, table)(parts)


def _later(port: str, name: str, table: Mapping[str, Builder], parts: Parts) -> Any:
    """The same, made when it is first used."""
    return Lazy(partial(_builder(port, name, table), parts))


def _builder(port: str, name: str, table: Mapping[str, Builder]) -> Builder:
    wanted = name or next(iter(table))
    if wanted not in table:
        known = ", ".join(table)
        raise UnknownEngineError(
            f"OPENTR_{port.upper()}_ENGINE is {wanted!r}, but there is only: {known}."
        )
    return table[wanted]


def build_models(settings: Settings) -> ModelStore:
    from opentranscribe.adapters.models.store import CachedModelStore

    token = settings.hub_token
    return CachedModelStore(
        settings.models_dir,
        hub_endpoint=settings.hub_endpoint,
        offline=settings.offline,
        hub_token=token.get_secret_value() if token else None,
    )


def _filesystem_objects(parts: Parts) -> Any:
    from opentranscribe.adapters.objects.filesystem import FilesystemObjects

    return FilesystemObjects(parts.settings.objects_dir)


def _memory_objects(_parts: Parts) -> Any:
    from opentranscribe.adapters.objects.memory import MemoryObjects

    return MemoryObjects()


def _procrastinate_queue(parts: Parts) -> Any:
    from opentranscribe.adapters.queue.procrastinate import ProcrastinateQueue

    return ProcrastinateQueue(parts.engine)


def _inline_queue(_parts: Parts) -> Any:
    from opentranscribe.adapters.queue.inline import InlineQueue

    return InlineQueue()


def _postgres_notices(parts: Parts) -> Any:
    from opentranscribe.adapters.notices.postgres import PostgresNotices

    return PostgresNotices(parts.engine)


def _memory_notices(_parts: Parts) -> Any:
    from opentranscribe.adapters.notices.memory import MemoryNotices

    return MemoryNotices()


def _postgres_search(parts: Parts) -> Any:
    from opentranscribe.adapters.search.postgres import PostgresSearch

    return PostgresSearch(parts.engine)


def _memory_search(_parts: Parts) -> Any:
    from opentranscribe.adapters.search.memory import MemorySearch

    return MemorySearch()


def _pyav_tools(_parts: Parts) -> Any:
    from opentranscribe.adapters.media_tools.pyav import PyavMediaTools

    return PyavMediaTools()


def _faster_whisper(parts: Parts) -> Any:
    from opentranscribe.adapters.asr.devices import choose_device
    from opentranscribe.adapters.asr.faster_whisper import FasterWhisperRecognizer

    return FasterWhisperRecognizer(
        parts.models,
        workers=parts.settings.recognition_workers,
        device=choose_device("cpu" if parts.settings.force_cpu else "auto"),
    )


def _scripted_recognizer(parts: Parts) -> Any:
    from opentranscribe.adapters.asr.scripted import ScriptedRecognizer

    return ScriptedRecognizer(**parts.settings.engine_options.get("recognizer", {}))


def _onnx_diarizer(parts: Parts) -> Any:
    from opentranscribe.adapters.diarization.onnx import OnnxDiarizer

    return OnnxDiarizer(
        partial(parts.models.fetch, "speaker-diarization-onnx"),
        threads=parts.settings.diarization_threads,
    )


def _pyannote_diarizer(parts: Parts) -> Any:
    from opentranscribe.adapters.diarization.pyannote import PyannoteDiarizer

    token = parts.settings.hub_token
    return PyannoteDiarizer(token.get_secret_value() if token else None)


def _scripted_diarizer(parts: Parts) -> Any:
    from opentranscribe.adapters.diarization.scripted import ScriptedDiarizer

    return ScriptedDiarizer(**parts.settings.engine_options.get("diarizer", {}))


def _minilm_encoder(parts: Parts) -> Any:
    from opentranscribe.adapters.embedding.minilm import MiniLmEncoder

    return MiniLmEncoder(parts.models, fetches=parts.fetches_models)


def _scripted_encoder(_parts: Parts) -> Any:
    from opentranscribe.adapters.embedding.scripted import ScriptedEncoder

    return ScriptedEncoder()


def _password_identity(parts: Parts) -> Any:
    from opentranscribe.adapters.identity.password import PasswordIdentity

    return PasswordIdentity(parts.engine)


OBJECTS: dict[str, Builder] = {"filesystem": _filesystem_objects, "memory": _memory_objects}
QUEUES: dict[str, Builder] = {"procrastinate": _procrastinate_queue, "inline": _inline_queue}
NOTICES: dict[str, Builder] = {"postgres": _postgres_notices, "memory": _memory_notices}
SEARCHES: dict[str, Builder] = {"postgres": _postgres_search, "memory": _memory_search}
MEDIA_TOOLS: dict[str, Builder] = {"pyav": _pyav_tools}
RECOGNIZERS: dict[str, Builder] = {
    "faster_whisper": _faster_whisper,
    "scripted": _scripted_recognizer,
}
DIARIZERS: dict[str, Builder] = {
    "onnx": _onnx_diarizer,
    "pyannote": _pyannote_diarizer,
    "scripted": _scripted_diarizer,
}
ENCODERS: dict[str, Builder] = {"minilm": _minilm_encoder, "scripted": _scripted_encoder}
IDENTITIES: dict[str, Builder] = {"password": _password_identity}
