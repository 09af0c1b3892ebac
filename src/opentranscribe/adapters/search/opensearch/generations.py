"""Generations of the two indexes on the server: made aside, filled, and put in place at once.

Which generation answers is said by a row in PostgreSQL, so that it changes together with what is
known of it; the aliases ``transcripts`` and ``transcript_chunks`` are for everybody else.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opensearchpy.exceptions import OpenSearchException
from sqlalchemy import Connection, text

from opentranscribe import __version__
from opentranscribe.adapters.search.opensearch.server import WRITE_SECONDS, Server
from opentranscribe.kit.errors import UnavailableError

log = logging.getLogger(__name__)

FILES_ALIAS = "transcripts"
CHUNKS_ALIAS = "transcript_chunks"

#: Words are cut and stemmed by us, as for PostgreSQL, and joined by spaces: both engines see the
#: same words at the same places, whatever the language.
ANALYSIS = {"analyzer": {"ready": {"type": "custom", "tokenizer": "whitespace"}}}
SHOWN_ONLY: dict[str, Any] = {"index": False, "doc_values": False}
KEYWORD: dict[str, Any] = {"type": "keyword", "ignore_above": 1000}
FILE_FIELDS: dict[str, Any] = {
    "file_id": {"type": "integer"},
    "owner_id": {"type": "integer"},
    "title": KEYWORD,
    "title_words": {"type": "keyword"},
    "language": {"type": "keyword"},
    "uploaded_at": {"type": "date"},
    "duration": {"type": "float"},
    "chunk_bound": {"type": "integer", **SHOWN_ONLY},
    "version": {"type": "long"},
}
CHUNK_FIELDS: dict[str, Any] = {
    "file_id": {"type": "integer"},
    "owner_id": {"type": "integer"},
    "chunk_index": {"type": "integer"},
    "title": {"type": "keyword", **SHOWN_ONLY},
    "content": {"type": "keyword", **SHOWN_ONLY},
    "lexemes": {"type": "text", "analyzer": "ready"},
    "speaker": {"type": "keyword", **SHOWN_ONLY},
    "speaker_key": {"type": "keyword"},
    "language": {"type": "keyword"},
    "uploaded_at": {"type": "date"},
    "start_time": {"type": "float", **SHOWN_ONLY},
    "end_time": {"type": "float", **SHOWN_ONLY},
    "word_starts": {"type": "binary"},
    "embedding_model": {"type": "keyword"},
    "version": {"type": "long"},
}


@dataclass(frozen=True, slots=True)
class Generation:
    name: str
    state: str
    identity: str
    prefix: str = ""

    @property
    def files(self) -> str:
        return f"{self.prefix}{FILES_ALIAS}_{self.name}"

    @property
    def chunks(self) -> str:
        return f"{self.prefix}{CHUNKS_ALIAS}_{self.name}"


def vector_field(dimensions: int | str) -> str:
    """A field for each length of vector: models can change without a new generation. It is kept
    for comparing only; PostgreSQL has the vector."""
    return f"embedding_{dimensions}"


def shape() -> str:
    """What a generation must have in common with this release to be filled further by it."""
    described = json.dumps([__version__, ANALYSIS, FILE_FIELDS, CHUNK_FIELDS], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()


def is_ours(server: Server, generation: Generation) -> bool:
    """Whether it is still there and this release began it. Raises UnavailableError."""
    if server.identity(generation.chunks) != generation.identity:
        return False
    with server.asked() as client:
        found = client.indices.get_mapping(index=generation.chunks)
    meta = found[generation.chunks]["mappings"].get("_meta", {})
    return bool(meta.get("shape") == shape())


def make_generation(server: Server, connection: Connection, prefix: str, state: str) -> Generation:
    """Two empty indexes and the row that names them; :func:`settle` ends their filling. Raises
    UnavailableError."""
    name = f"{datetime.now(UTC):%Y%m%d%H%M%S}_{secrets.token_hex(3)}"
    made = Generation(name, state, "", prefix)
    patience = {"request_timeout": WRITE_SECONDS}
    with server.asked() as client:
        for index, fields in ((made.files, FILE_FIELDS), (made.chunks, CHUNK_FIELDS)):
            unseen = {"excludes": [vector_field("*")]}
            settings = {
                "number_of_shards": 1,
                "auto_expand_replicas": "0-1",
                "knn": index == made.chunks,
                "refresh_interval": "-1",
            }
            body = {
                "settings": {"index": settings, "analysis": ANALYSIS},
                "mappings": {
                    "dynamic": False,
                    "_meta": {"shape": shape()},
                    "_source": unseen,
                    "properties": fields,
                },
            }
            client.indices.create(index=index, body=body, params=patience)
    made = Generation(name, state, server.identity(made.chunks) or "", prefix)
    connection.execute(
        text(
            "INSERT INTO derived.search_generation (name, state, identity)"
            " VALUES (:name, :state, :identity)"
        ),
        {"name": made.name, "state": state, "identity": made.identity},
    )
    return made


def settle(server: Server, generation: Generation) -> None:
    """Everything written is found, and from now on by itself. Until here nobody searches it, and
    to make every second's writing searchable would cost as much as the writing."""
    body = {"index": {"refresh_interval": None}}
    with server.asked() as client:
        for index in (generation.files, generation.chunks):
            client.indices.put_settings(
                index=index, body=body, params={"request_timeout": WRITE_SECONDS}
            )
    server.refresh(generation.files, generation.chunks)


def ensure_vectors(server: Server, generation: Generation, dimensions: int) -> None:
    """A field for vectors of this length, compared by their cosine."""
    field = {
        "type": "knn_vector",
        "dimension": dimensions,
        "method": {
            "name": "hnsw",
            "engine": "lucene",
            "space_type": "cosinesimil",
            "parameters": {"m": 16, "ef_construction": 128},
        },
    }
    body = {"properties": {vector_field(dimensions): field}}
    with server.asked() as client:
        client.indices.put_mapping(
            index=generation.chunks, body=body, params={"request_timeout": WRITE_SECONDS}
        )


def publish(server: Server, generation: Generation) -> None:
    """Move both aliases in one step. An index that has an alias' name is left alone: search does
    not go by the aliases."""
    actions: list[dict[str, Any]] = []
    with server.asked() as client:
        for alias, index in ((FILES_ALIAS, generation.files), (CHUNKS_ALIAS, generation.chunks)):
            public = f"{generation.prefix}{alias}"
            holders = []
            if client.indices.exists_alias(name=public):
                holders = list(client.indices.get_alias(name=public))
            elif client.indices.exists(index=public):
                log.warning("an index of another program is called %s: no alias is made", public)
                continue
            actions += [{"remove": {"index": one, "alias": public}} for one in holders]
            actions.append({"add": {"index": index, "alias": public}})
        if actions:
            client.indices.update_aliases(body={"actions": actions})


def drop(server: Server, connection: Connection, generation: Generation) -> None:
    connection.execute(
        text("DELETE FROM derived.search_generation WHERE name = :name"), {"name": generation.name}
    )
    try:
        with server.asked() as client:
            for index in (generation.files, generation.chunks):
                if client.indices.exists(index=index):
                    client.indices.delete(index=index)
    except (UnavailableError, OpenSearchException):
        log.warning("the indexes of generation %s could not be removed", generation.name)


def read_generations(connection: Connection, prefix: str) -> list[Generation]:
    """Oldest first."""
    rows = connection.execute(
        text("SELECT name, state, identity FROM derived.search_generation ORDER BY made_at, name")
    )
    return [Generation(row.name, row.state, row.identity, prefix) for row in rows]


def set_state(connection: Connection, generation: Generation, state: str) -> None:
    connection.execute(
        text("UPDATE derived.search_generation SET state = :state WHERE name = :name"),
        {"state": state, "name": generation.name},
    )


def set_live(connection: Connection, generation: Generation) -> None:
    """It answers from now on; whatever is still to be carried is not known to it."""
    set_state(connection, generation, "live")
    connection.execute(
        text(
            "UPDATE derived.search_outbox SET is_change = true WHERE file_id IN"
            " (SELECT file_id FROM derived.search_outbox WHERE NOT is_change"
            " ORDER BY file_id FOR UPDATE)"
        )
    )
