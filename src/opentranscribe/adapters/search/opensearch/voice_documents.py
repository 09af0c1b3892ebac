"""What the server is told of voices and of the people they belong to, read from PostgreSQL.

Nobody has to say that something changed: what each document was made of is kept as a hash, and
compared with what it would be made of now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from opentranscribe.adapters.search.opensearch.documents import rounded
from opentranscribe.ports.diarization import ENOUGH_SPEECH_SECONDS, mean_print

#: Documents that one round carries.
CARRIED_AT_ONCE = 1000

TABLES = """
CREATE SEQUENCE IF NOT EXISTS derived.voice_version;
CREATE TABLE IF NOT EXISTS derived.voice_index (
    dimension integer PRIMARY KEY,
    identity text NOT NULL
);
CREATE TABLE IF NOT EXISTS derived.voice_document (
    dimension integer NOT NULL,
    name text NOT NULL,
    user_id integer NOT NULL,
    made_of text NOT NULL,
    PRIMARY KEY (dimension, name)
);
CREATE INDEX IF NOT EXISTS voice_document_user ON derived.voice_document (user_id)
"""

#: Prints that say who somebody is: of named voices, with enough speech.
_TELLING = f"s.display_name IS NOT NULL AND v.speech_seconds >= {ENOUGH_SPEECH_SECONDS}"

#: Of several prints of one voice, or one person, that have the same length, the newest model's.
_WANTED = f"""
voices AS (
    SELECT DISTINCT ON (s.id, v.dimension)
           v.dimension, s.uuid::text AS name, s.user_id,
           md5(concat_ws('|', v.id, v.created_at, s.id, s.media_file_id, s.name, s.display_name,
                         p.id, p.uuid, p.name)) AS made_of
    FROM voiceprint v JOIN speaker s ON s.id = v.speaker_id
    LEFT JOIN speaker_profile p ON p.id = s.profile_id
    WHERE CAST(:user_id AS integer) IS NULL OR v.user_id = :user_id
    ORDER BY s.id, v.dimension, v.id DESC
),
people AS (
    SELECT DISTINCT ON (p.id, v.dimension)
           v.dimension, 'profile_' || p.uuid AS name, p.user_id,
           md5(concat_ws('|', p.id, p.name, v.model, v.version,
                         string_agg(v.id || ' ' || v.created_at, ',' ORDER BY v.id))) AS made_of
    FROM voiceprint v JOIN speaker s ON s.id = v.speaker_id
    JOIN speaker_profile p ON p.id = s.profile_id
    WHERE (CAST(:user_id AS integer) IS NULL OR v.user_id = :user_id) AND {_TELLING}
    GROUP BY p.id, v.dimension, v.model, v.version
    ORDER BY p.id, v.dimension, max(v.id) DESC
),
wanted AS (SELECT * FROM voices UNION ALL SELECT * FROM people),
known AS (
    SELECT * FROM derived.voice_document
    WHERE CAST(:user_id AS integer) IS NULL OR user_id = :user_id
)
"""
#: ``made_of`` is NULL for a document that should not be there.
LACKING = f"""
WITH {_WANTED}
SELECT coalesce(wanted.dimension, known.dimension) AS dimension,
       coalesce(wanted.name, known.name) AS name, wanted.user_id, wanted.made_of
FROM wanted FULL JOIN known USING (dimension, name)
WHERE wanted.made_of IS DISTINCT FROM known.made_of
ORDER BY dimension, name LIMIT {CARRIED_AT_ONCE}
"""
#: Whether something of theirs is still to be carried; whether prints of several models have the
#: same length, of which a person's document knows one.
STANDING = f"""
WITH {_WANTED}
SELECT EXISTS (
    SELECT FROM wanted FULL JOIN known USING (dimension, name)
    WHERE wanted.made_of IS DISTINCT FROM known.made_of
) AS is_behind,
(SELECT count(DISTINCT (model, version)) FROM voiceprint
 WHERE user_id = :user_id AND dimension = :dimension) AS models
"""
VOICES = """
SELECT DISTINCT ON (s.id) s.uuid::text AS name, v.vector, v.model, v.version, v.speech_seconds,
       s.id AS speaker_id, s.user_id, s.media_file_id, s.name AS label, s.display_name,
       s.created_at, p.id AS profile_id, p.uuid::text AS profile_uuid, p.name AS profile_name
FROM voiceprint v JOIN speaker s ON s.id = v.speaker_id
LEFT JOIN speaker_profile p ON p.id = s.profile_id
WHERE s.uuid = ANY(CAST(:uuids AS uuid[])) AND v.dimension = :dimension
ORDER BY s.id, v.id DESC
"""
PEOPLE = f"""
SELECT 'profile_' || p.uuid AS name, v.vector, v.model, v.version, v.speech_seconds,
       p.id AS profile_id, p.uuid::text AS profile_uuid, p.name AS profile_name, p.user_id,
       p.created_at, p.updated_at
FROM voiceprint v JOIN speaker s ON s.id = v.speaker_id
JOIN speaker_profile p ON p.id = s.profile_id
WHERE p.uuid = ANY(CAST(:uuids AS uuid[])) AND v.dimension = :dimension AND {_TELLING}
ORDER BY v.id DESC
"""
PERSON = "profile_"


@dataclass(frozen=True, slots=True)
class Lacking:
    """A document that the server has not, or not as it should be, or should not have."""

    dimension: int
    name: str
    user_id: int | None
    made_of: str | None


def read_lacking(connection: Connection) -> list[Lacking]:
    rows = connection.execute(text(LACKING), {"user_id": None})
    return [Lacking(row.dimension, row.name, row.user_id, row.made_of) for row in rows]


def read_bodies(
    connection: Connection, dimension: int, names: Iterable[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Documents by their names; none for what has gone meanwhile."""
    people = [name.removeprefix(PERSON) for name in names if name.startswith(PERSON)]
    voices = [name for name in names if not name.startswith(PERSON)]
    asked = {"uuids": voices, "dimension": dimension}
    for row in connection.execute(text(VOICES), asked):
        yield row.name, _voice(row)
    prints = defaultdict(list)
    asked = {"uuids": people, "dimension": dimension}
    for row in connection.execute(text(PEOPLE), asked):
        prints[row.name].append(row)
    for name, rows in prints.items():
        newest = [row for row in rows if (row.model, row.version) == rows[0][2:4]]
        if (body := _person(newest)) is not None:
            yield name, body


def _voice(row: Any) -> dict[str, Any]:
    return {
        "speaker_id": row.speaker_id,
        "speaker_uuid": row.name,
        "profile_id": row.profile_id,
        "profile_uuid": row.profile_uuid,
        "profile_name": row.profile_name,
        "user_id": row.user_id,
        "name": row.label,
        "display_name": row.display_name,
        "media_file_id": row.media_file_id,
        "created_at": row.created_at.isoformat(),
        **_print(row, np.asarray(row.vector, np.float32)),
    }


def _person(rows: Sequence[Any]) -> dict[str, Any] | None:
    vectors = [np.asarray(row.vector, np.float32) for row in rows]
    mean = mean_print(vectors, [row.speech_seconds for row in rows])
    if mean is None:
        return None
    row = rows[0]
    return {
        "document_type": "profile",
        "profile_id": row.profile_id,
        "profile_uuid": row.profile_uuid,
        "profile_name": row.profile_name,
        "user_id": row.user_id,
        "name": row.profile_name,
        "speaker_count": len(rows),
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
        **_print(row, mean),
    }


def _print(row: Any, vector: np.ndarray[Any, np.dtype[np.float32]]) -> dict[str, Any]:
    body: dict[str, Any] = {"model": row.model, "model_version": row.version}
    # The server refuses a vector without a direction.
    return body | ({"embedding": rounded(vector)} if vector.any() else {})
