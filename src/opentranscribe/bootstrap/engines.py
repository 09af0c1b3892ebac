"""The engines: one table per port, from the engine's name to its builder.

Builders import what they need when they are called, so that a process loads no engine it does not
use. The first of a table is the embedded profile's choice.
"""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Engine

from opentranscribe import __version__
from opentranscribe.kit.errors import InvalidError
from opentranscribe.kit.lazy import Lazy
from opentranscribe.ports.models import ModelStore
from opentranscribe.ports.tracing import NoTracer, Tracer
from opentranscribe.settings import Settings

#: What the distributed profile chooses where it differs.
DISTRIBUTED = {"objects": "s3", "queue": "celery", "notices": "redis", "search": "opensearch"}


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """What a builder may draw on."""

    settings: Settings
    engine: Engine
    models: ModelStore
    fetches_models: bool = True


Builder = Callable[[Parts], Any]


class UnknownEngineError(InvalidError):
    code = "unknown_engine"


def choose(port: str, parts: Parts) -> Any:
    """The engine that the settings name, or else the profile. Raises UnknownEngineError."""
    return _builder(port, parts.settings)(parts)


def choose_later(port: str, parts: Parts) -> Any:
    """The same, made when it is first used."""
    return Lazy(partial(_builder(port, parts.settings), parts))


def build_tracer(settings: Settings) -> Tracer:
    """Sends spans where an address is set and the extra ``tracing`` is installed. Nobody's work
    depends on it, so what is missing is only told."""
    if not settings.tracing_endpoint:
        return NoTracer()
    try:
        from opentranscribe.adapters.tracing.otlp import OtlpTracer
    except ImportError as error:
        log.warning(
            "No spans are sent to %s: %s. Install it: pip install 'opentranscribe[tracing]'",
            settings.tracing_endpoint,
            error,
        )
        return NoTracer()
    process = f"{platform.node()}:{os.getpid()}"
    return OtlpTracer(settings.tracing_endpoint, process=process, version=__version__)


def _builder(port: str, settings: Settings) -> Builder:
    table = ENGINES[port]
    port = "search" if port == "voices" else port
    of_profile = DISTRIBUTED.get(port, "") if settings.profile == "distributed" else ""
    wanted = getattr(settings, f"{port}_engine", "") or of_profile or next(iter(table))
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


def _s3_objects(parts: Parts) -> Any:
    from opentranscribe.adapters.objects.copies import LocalCopies
    from opentranscribe.adapters.objects.s3 import Bucket, S3Objects

    settings = parts.settings
    secret = settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else ""
    bucket = Bucket(
        address=settings.s3_address,
        name=settings.s3_bucket,
        access_key=settings.s3_access_key,
        secret_key=secret,
        region=settings.s3_region,
    )
    return S3Objects(bucket, LocalCopies(settings.copies_dir, settings.s3_copies_bytes))


def _memory_objects(_parts: Parts) -> Any:
    from opentranscribe.adapters.objects.memory import MemoryObjects

    return MemoryObjects()


def _procrastinate_queue(parts: Parts) -> Any:
    from opentranscribe.adapters.queue.procrastinate import ProcrastinateQueue

    return ProcrastinateQueue(parts.engine)


def _celery_queue(parts: Parts) -> Any:
    from opentranscribe.adapters.queue.celery import CeleryQueue

    return CeleryQueue(parts.settings.redis_address)


def _inline_queue(_parts: Parts) -> Any:
    from opentranscribe.adapters.queue.inline import InlineQueue

    return InlineQueue()


def _postgres_notices(parts: Parts) -> Any:
    from opentranscribe.adapters.notices.postgres import PostgresNotices

    return PostgresNotices(parts.engine)


def _redis_notices(parts: Parts) -> Any:
    from opentranscribe.adapters.notices.redis import RedisNotices

    return RedisNotices(parts.settings.redis_address)


def _memory_notices(_parts: Parts) -> Any:
    from opentranscribe.adapters.notices.memory import MemoryNotices

    return MemoryNotices()


def _postgres_search(parts: Parts) -> Any:
    from opentranscribe.adapters.search.postgres import PostgresSearch

    return PostgresSearch(parts.engine)


def _opensearch(parts: Parts) -> Any:
    from opentranscribe.adapters.search.opensearch.index import OpenSearchIndex
    from opentranscribe.adapters.search.postgres import PostgresSearch

    stored = PostgresSearch(parts.engine)
    return OpenSearchIndex(parts.engine, _search_server(parts), stored=stored)


def _opensearch_voices(parts: Parts) -> Any:
    from opentranscribe.adapters.search.opensearch.voices import OpenSearchVoices

    return OpenSearchVoices(parts.engine, _search_server(parts))


def _everybody(_parts: Parts) -> Any:
    from opentranscribe.adapters.search.everybody import Everybody

    return Everybody()


def _search_server(parts: Parts) -> Any:
    from opentranscribe.adapters.search.opensearch.server import Server

    settings = parts.settings
    password = settings.opensearch_password
    return Server(
        settings.opensearch_address,
        user=settings.opensearch_user,
        password=password.get_secret_value() if password else "",
        verify_certs=settings.opensearch_verify_certs,
    )


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


OBJECTS: dict[str, Builder] = {
    "filesystem": _filesystem_objects,
    "s3": _s3_objects,
    "memory": _memory_objects,
}
QUEUES: dict[str, Builder] = {
    "procrastinate": _procrastinate_queue,
    "celery": _celery_queue,
    "inline": _inline_queue,
}
NOTICES: dict[str, Builder] = {
    "postgres": _postgres_notices,
    "redis": _redis_notices,
    "memory": _memory_notices,
}
SEARCHES: dict[str, Builder] = {
    "postgres": _postgres_search,
    "opensearch": _opensearch,
    "memory": _memory_search,
}
#: Where recordings are searched, voices are looked for, too.
VOICES: dict[str, Builder] = {
    "postgres": _everybody,
    "opensearch": _opensearch_voices,
    "memory": _everybody,
}
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

ENGINES: dict[str, Mapping[str, Builder]] = {
    "objects": OBJECTS,
    "queue": QUEUES,
    "notices": NOTICES,
    "search": SEARCHES,
    "voices": VOICES,
    "media_tools": MEDIA_TOOLS,
    "recognizer": RECOGNIZERS,
    "diarizer": DIARIZERS,
    "encoder": ENCODERS,
    "identity": IDENTITIES,
}
