"""People with voices, in the database of a test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, text

MODEL, VERSION = "wespeaker-resnet34", "community-1"

USER = """
INSERT INTO "user" (email, full_name, hashed_password) VALUES (:email, :email, '') RETURNING id
"""
FILE = """
INSERT INTO media_file (user_id, filename, storage_path, file_size, content_type, status)
VALUES (:user_id, 'a.wav', gen_random_uuid()::text, 1, 'audio/wav', 'completed') RETURNING id
"""
PROFILE = """
INSERT INTO speaker_profile (user_id, name) VALUES (:user_id, :name)
ON CONFLICT (user_id, name) DO UPDATE SET name = excluded.name RETURNING id
"""
SPEAKER = """
INSERT INTO speaker (user_id, media_file_id, name, display_name, profile_id)
VALUES (:user_id, :file_id, 'SPEAKER_00', :name, :profile_id) RETURNING id, uuid::text
"""
PRINT = """
INSERT INTO voiceprint (speaker_id, user_id, media_file_id, model, version, dimension, vector,
                        speech_seconds)
VALUES (:speaker_id, :user_id, :file_id, :model, :version, :dimension, :vector, :seconds)
"""


@dataclass(frozen=True)
class Heard:
    """One voice in a file of its own."""

    user_id: int
    file_id: int
    profile_id: int | None
    speaker_id: int
    uuid: str


def add_user(engine: Engine, email: str) -> int:
    with engine.begin() as connection:
        return int(connection.scalar(text(USER), {"email": email}) or 0)


def hear(
    engine: Engine,
    user_id: int,
    vector: NDArray[np.float32],
    name: str | None = None,
    *,
    seconds: float = 30.0,
    model: str = MODEL,
    version: str = VERSION,
) -> Heard:
    """A voice that somebody has named, or nobody has."""
    with engine.begin() as connection:
        owner = {"user_id": user_id}
        file_id = connection.scalar(text(FILE), owner)
        profile = connection.scalar(text(PROFILE), owner | {"name": name}) if name else None
        facts = owner | {"file_id": file_id, "profile_id": profile, "name": name}
        speaker = connection.execute(text(SPEAKER), facts).one()
        _add_print(connection, speaker.id, facts, vector, (model, version, seconds))
    return Heard(user_id, file_id, profile, speaker.id, speaker.uuid)  # type: ignore[arg-type]


def _add_print(
    connection: Connection,
    speaker_id: int,
    facts: dict[str, object],
    vector: NDArray[np.float32],
    made: tuple[str, str, float],
) -> None:
    model, version, seconds = made
    values = {
        "user_id": facts["user_id"],
        "file_id": facts["file_id"],
        "speaker_id": speaker_id,
        "model": model,
        "version": version,
        "dimension": len(vector),
        "vector": vector.tolist(),
        "seconds": seconds,
    }
    connection.execute(text(PRINT), values)


def voice_of(seed: int, dimension: int = 256) -> NDArray[np.float32]:
    """The print of somebody, unlike anybody else's."""
    vector = np.random.default_rng(seed).standard_normal(dimension)
    unit: NDArray[np.float32] = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit
