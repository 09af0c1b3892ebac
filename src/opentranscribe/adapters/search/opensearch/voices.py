"""Voices and people on the server: an index for each length of voiceprint, one alias.

PostgreSQL has the prints and decides; the server says who is worth being compared, once people are
too many to compare everybody. Whenever it does not answer, or does not yet know of a change of the
asker's, everybody is compared.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from opentranscribe.adapters.search.opensearch import voice_documents
from opentranscribe.adapters.search.opensearch.documents import rounded
from opentranscribe.adapters.search.opensearch.server import WRITE_SECONDS, Server
from opentranscribe.adapters.search.opensearch.voice_documents import Lacking
from opentranscribe.kit.errors import UnavailableError
from opentranscribe.ports.voices import VoiceQuery

log = logging.getLogger(__name__)

ALIAS = "speakers"
#: By the length of the print, as the earlier system's: pyannote/embedding, and wespeaker. Prints of
#: other models have an index called by their length.
NAMES = {512: "speakers_v3", 256: "speakers_v4"}
KEYWORD = {"type": "keyword", "ignore_above": 1000}
FIELDS: dict[str, Any] = {
    "document_type": {"type": "keyword"},
    "speaker_id": {"type": "integer"},
    "speaker_uuid": {"type": "keyword"},
    "profile_id": {"type": "integer"},
    "profile_uuid": {"type": "keyword"},
    "profile_name": KEYWORD,
    "user_id": {"type": "integer"},
    "name": KEYWORD,
    "display_name": KEYWORD,
    "collection_ids": {"type": "integer"},
    "media_file_id": {"type": "integer"},
    "segment_count": {"type": "integer"},
    "speaker_count": {"type": "integer"},
    "created_at": {"type": "date"},
    "updated_at": {"type": "date"},
    "model": {"type": "keyword"},
    "model_version": {"type": "keyword"},
    "version": {"type": "long"},
}
METHOD = {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil"}
#: Which of the processes carries: one at a time.
TURN = "SELECT pg_try_advisory_xact_lock(hashtext('derived.voice_document'))"
CARRIED = """
INSERT INTO derived.voice_document (dimension, name, user_id, made_of)
VALUES (:dimension, :name, :user_id, :made_of)
ON CONFLICT (dimension, name) DO UPDATE
SET user_id = excluded.user_id, made_of = excluded.made_of
"""
GONE = "DELETE FROM derived.voice_document WHERE dimension = :dimension AND name = :name"
KNOWN = """
INSERT INTO derived.voice_index VALUES (:dimension, :identity)
ON CONFLICT (dimension) DO UPDATE SET identity = excluded.identity
"""
NEWEST = "SELECT dimension FROM voiceprint ORDER BY id DESC LIMIT 1"


class OpenSearchVoices:
    """Implements ports.voices.VoiceIndex; ``prefix`` begins the names of all indexes."""

    def __init__(self, engine: Engine, server: Server, prefix: str = "") -> None:
        self._engine = engine
        self._server = server
        self._prefix = prefix
        self._published = ""

    def ensure_schema(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('derived.voices'))"))
            for statement in voice_documents.TABLES.split(";\n"):
                connection.execute(text(statement))

    def nearest_people(self, session: Session, query: VoiceQuery) -> set[int] | None:
        if not query.vectors:
            return set()
        asked = {"user_id": query.user_id, "dimension": len(query.vectors[0])}
        standing = session.execute(text(voice_documents.STANDING), asked).one()
        if standing.is_behind or standing.models > 1:
            return None
        index = self._index(asked["dimension"])
        try:
            answers = self._server.search_all([(index, body) for body in _nearest(query)])
        except UnavailableError:
            return None
        hits = [hit for answer in answers for hit in answer["hits"]["hits"]]
        return {int(hit["fields"]["profile_id"][0]) for hit in hits}

    def catch_up(self) -> int:
        try:
            with self._engine.begin() as connection:
                if not connection.scalar(text(TURN)):
                    return 0
                for dimension in NAMES:
                    self._ensure_index(connection, dimension)
                return self._carry(connection)
        except UnavailableError as error:
            log.warning("the search server gets voices later: %s", error)
            return 0

    def begin_anew(self) -> None:
        """What every document was made of is forgotten, not that it is there."""
        with self._engine.begin() as connection:
            connection.execute(text("UPDATE derived.voice_document SET made_of = ''"))

    def _carry(self, connection: Connection) -> int:
        lacking = voice_documents.read_lacking(connection)
        for dimension, some in groupby(lacking, key=lambda one: one.dimension):
            self._ensure_index(connection, dimension)
            self._write(connection, dimension, list(some))
        self._publish(connection)
        return len(lacking)

    def _write(self, connection: Connection, dimension: int, lacking: Sequence[Lacking]) -> None:
        wanted = [one.name for one in lacking if one.made_of is not None]
        bodies = dict(voice_documents.read_bodies(connection, dimension, wanted))
        version = connection.scalar(text("SELECT nextval('derived.voice_version')"))
        index = self._index(dimension)
        self._server.write(_action(index, one.name, version, bodies) for one in lacking)
        self._server.refresh(index)
        for one in lacking:
            row = {"dimension": dimension, "name": one.name}
            if one.made_of is None:
                connection.execute(text(GONE), row)
            else:
                values = row | {"user_id": one.user_id, "made_of": one.made_of}
                connection.execute(text(CARRIED), values)

    def _ensure_index(self, connection: Connection, dimension: int) -> None:
        """An index that was lost, or is that of another database or an older shape, is begun anew;
        one that another program made is left alone, and everybody is compared. Raises
        UnavailableError."""
        index = self._index(dimension)
        identity = self._server.identity(index)
        known = connection.scalar(
            text("SELECT identity FROM derived.voice_index WHERE dimension = :dimension"),
            {"dimension": dimension},
        )
        if identity is not None and identity == known and self._shape(index) == shape(dimension):
            return
        if identity is not None and self._shape(index) is None:
            raise UnavailableError(f"An index of another program is called {index}.")
        self._make_index(index, dimension, anew=identity is not None)
        for statement in (
            "DELETE FROM derived.voice_document WHERE dimension = :dimension",
            KNOWN,
        ):
            values = {"dimension": dimension, "identity": self._server.identity(index)}
            connection.execute(text(statement), values)

    def _make_index(self, index: str, dimension: int, *, anew: bool) -> None:
        patience = {"request_timeout": WRITE_SECONDS}
        vector = {"type": "knn_vector", "dimension": dimension, "method": METHOD}
        body = {
            "settings": {
                "index": {"number_of_shards": 1, "auto_expand_replicas": "0-1", "knn": True}
            },
            "mappings": {
                "dynamic": False,
                "_meta": {"opentranscribe": shape(dimension)},
                "properties": {**FIELDS, "embedding": vector},
            },
        }
        with self._server.asked() as client:
            if anew:
                client.indices.delete(index=index, params=patience)
            client.indices.create(index=index, body=body, params=patience)

    def _shape(self, index: str) -> str | None:
        """None for an index that is not ours."""
        with self._server.asked() as client:
            found = client.indices.get_mapping(index=index)
        meta = found[index]["mappings"].get("_meta", {})
        return str(meta["opentranscribe"]) if "opentranscribe" in meta else None

    def _publish(self, connection: Connection) -> None:
        """The alias is for everybody else; it names the index of the model now in use."""
        index = self._index(connection.scalar(text(NEWEST)) or min(NAMES))
        if index == self._published:
            return
        alias = f"{self._prefix}{ALIAS}"
        with self._server.asked() as client:
            holders = []
            if client.indices.exists_alias(name=alias):
                holders = list(client.indices.get_alias(name=alias))
            elif client.indices.exists(index=alias):
                log.warning("an index of another program is called %s: no alias is made", alias)
                self._published = index
                return
            actions: list[dict[str, Any]] = [
                {"remove": {"index": one, "alias": alias}} for one in holders if one != index
            ]
            actions.append({"add": {"index": index, "alias": alias}})
            client.indices.update_aliases(body={"actions": actions})
        self._published = index

    def _index(self, dimension: int) -> str:
        return self._prefix + NAMES.get(dimension, f"speakers_{dimension}")


def shape(dimension: int) -> str:
    """What an index must have in common with this release to be written to."""
    described = json.dumps([FIELDS, METHOD, dimension], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()


def _nearest(query: VoiceQuery) -> Iterator[dict[str, Any]]:
    """A person's document has their mean print, which is what a voice is compared with: with each
    of them, for the graph of nearest vectors would now and then miss the nearest."""
    wanted = {
        "user_id": query.user_id,
        "document_type": "profile",
        "model": query.model,
        "model_version": query.version,
    }
    people = {"bool": {"filter": [{"term": {name: value}} for name, value in wanted.items()]}}
    for vector in query.vectors:
        near = {"field": "embedding", "query_value": rounded(vector), "space_type": "cosinesimil"}
        script = {"lang": "knn", "source": "knn_score", "params": near}
        yield {
            "query": {"script_score": {"query": people, "script": script}},
            "size": query.most,
            "stored_fields": "_none_",
            "docvalue_fields": ["profile_id"],
        }


def _action(index: str, name: str, version: int, bodies: dict[str, Any]) -> dict[str, Any]:
    action: dict[str, Any] = {
        "_op_type": "index" if name in bodies else "delete",
        "_index": index,
        "_id": name,
        "version": version,
        "version_type": "external_gte",
    }
    if name in bodies:
        action["_source"] = {**bodies[name], "version": version}
    return action
