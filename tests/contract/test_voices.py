"""Voices on OpenSearch: kept in step with PostgreSQL, and asked who is worth being compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from opensearchpy import OpenSearch
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session
from tests.contract.opensearch_node import OpenSearchNode
from tests.contract.voices import MODEL, VERSION, add_user, hear, voice_of

from opentranscribe.adapters.search.everybody import Everybody
from opentranscribe.adapters.search.opensearch.server import Server
from opentranscribe.adapters.search.opensearch.voices import OpenSearchVoices
from opentranscribe.adapters.search.postgres import PostgresSearch
from opentranscribe.features.transcription.queries import known_prints
from opentranscribe.features.transcription.rules.voices import recognise_voices
from opentranscribe.ports.diarization import MatchBand
from opentranscribe.ports.voices import VoiceIndex, VoiceQuery


class Voices:
    """One installation: a database with two users, names of its own on the server."""

    def __init__(self, engine: Engine, node: OpenSearchNode) -> None:
        self.engine, self.node, self.prefix = engine, node, node.new_prefix()
        PostgresSearch(engine).ensure_schema()
        self.ann, self.bob = add_user(engine, "ann@a.org"), add_user(engine, "bob@b.org")
        self.index = self.connect()
        self.index.ensure_schema()
        self.client = OpenSearch([node.address], timeout=20)

    def connect(self) -> OpenSearchVoices:
        return OpenSearchVoices(self.engine, Server(self.node.address), self.prefix)

    def nearest(
        self, *vectors: NDArray[np.float32], user: int | None = None, most: int = 20, **how: Any
    ) -> set[int] | None:
        asked = {"model": MODEL, "version": VERSION} | how
        query = VoiceQuery(user or self.ann, vectors=vectors, most=most, **asked)
        with Session(self.engine) as session:
            return self.index.nearest_people(session, query)

    def change(self, statement: str, **values: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def document(self, name: str, index: str = "speakers") -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(index=self.prefix + index, id=name)["_source"]
        return found

    def names(self, index: str = "speakers") -> set[str]:
        hits = self.client.search(index=self.prefix + index, body={"size": 100})["hits"]["hits"]
        return {hit["_id"] for hit in hits}

    def profile(self, profile_id: int | None) -> str:
        with self.engine.connect() as connection:
            asked = text("SELECT 'profile_' || uuid FROM speaker_profile WHERE id = :id")
            return str(connection.scalar(asked, {"id": profile_id}))


@pytest.fixture
def voices(database_url: str, opensearch_node: OpenSearchNode) -> Iterator[Voices]:
    engine = create_engine(database_url)
    yield Voices(engine, opensearch_node)
    engine.dispose()


class TestIndexes:
    def test_are_called_as_the_earlier_systems_with_an_alias_for_the_model_in_use(
        self, voices: Voices
    ) -> None:
        voices.index.catch_up()
        indices = voices.client.indices
        for name, dimension in (("speakers_v3", 512), ("speakers_v4", 256)):
            found = indices.get_mapping(index=voices.prefix + name)[voices.prefix + name]
            assert found["mappings"]["properties"]["embedding"]["dimension"] == dimension
        alias = f"{voices.prefix}speakers"
        assert list(indices.get_alias(name=alias)) == [f"{voices.prefix}speakers_v4"]
        hear(voices.engine, voices.ann, voice_of(1, 512), "Zoe")
        voices.index.catch_up()
        assert list(indices.get_alias(name=alias)) == [f"{voices.prefix}speakers_v3"]

    def test_a_model_with_prints_of_another_length_has_its_own(self, voices: Voices) -> None:
        zoe = hear(voices.engine, voices.ann, voice_of(1, 192), "Zoe")
        voices.index.catch_up()
        assert voices.names("speakers_192") == {zoe.uuid, voices.profile(zoe.profile_id)}
        assert voices.nearest(voice_of(1, 192)) == {zoe.profile_id}

    def test_an_index_of_another_program_is_left_alone(self, voices: Voices) -> None:
        voices.client.indices.create(index=f"{voices.prefix}speakers_v4")
        voices.client.index(
            index=f"{voices.prefix}speakers_v4", id="theirs", body={"a": 1}, refresh=True
        )
        hear(voices.engine, voices.ann, voice_of(1), "Zoe")
        assert voices.index.catch_up() == 0
        assert voices.names("speakers_v4") == {"theirs"}
        assert voices.nearest(voice_of(1)) is None


class TestCatchUp:
    def test_a_voice_is_there_under_its_own_name_and_its_person_too(self, voices: Voices) -> None:
        zoe = hear(voices.engine, voices.ann, voice_of(1), "Zoe")
        voices.index.catch_up()
        said = voices.document(zoe.uuid)
        assert (said["speaker_id"], said["display_name"], said["name"], said["user_id"]) == (
            zoe.speaker_id,
            "Zoe",
            "SPEAKER_00",
            voices.ann,
        )
        assert "document_type" not in said
        person = voices.document(voices.profile(zoe.profile_id))
        assert (person["document_type"], person["profile_name"], person["speaker_count"]) == (
            "profile",
            "Zoe",
            1,
        )
        assert np.allclose(person["embedding"], voice_of(1), atol=1e-4)

    def test_there_is_nothing_to_do_when_nothing_changed(self, voices: Voices) -> None:
        hear(voices.engine, voices.ann, voice_of(1), "Zoe")
        assert (voices.index.catch_up(), voices.index.catch_up()) == (2, 0)

    def test_a_persons_print_is_the_mean_of_their_voices(self, voices: Voices) -> None:
        first = hear(voices.engine, voices.ann, voice_of(1), "Zoe")
        hear(voices.engine, voices.ann, voice_of(2), "Zoe")
        hear(voices.engine, voices.ann, voice_of(3), "Zoe", seconds=1.0)
        voices.index.catch_up()
        both = voice_of(1) + voice_of(2)
        person = voices.document(voices.profile(first.profile_id))
        assert np.allclose(person["embedding"], both / np.linalg.norm(both), atol=1e-4)

    def test_follows_a_new_name(self, voices: Voices) -> None:
        zoe = hear(voices.engine, voices.ann, voice_of(1), "Zoe")
        voices.index.catch_up()
        voices.change("UPDATE speaker SET display_name = 'Zoë' WHERE id = :id", id=zoe.speaker_id)
        voices.change("UPDATE speaker_profile SET name = 'Zoë' WHERE id = :id", id=zoe.profile_id)
        voices.index.catch_up()
        assert voices.document(zoe.uuid)["display_name"] == "Zoë"
        assert voices.document(voices.profile(zoe.profile_id))["profile_name"] == "Zoë"

    def test_what_is_deleted_goes(self, voices: Voices) -> None:
        zoe = hear(voices.engine, voices.ann, voice_of(1), "Zoe")
        kim = hear(voices.engine, voices.ann, voice_of(2), "Kim")
        voices.index.catch_up()
        voices.change("DELETE FROM media_file WHERE id = :id", id=zoe.file_id)
        voices.index.catch_up()
        assert voices.names() == {kim.uuid, voices.profile(kim.profile_id)}

    def test_a_lost_index_is_filled_again(self, voices: Voices) -> None:
        zoe = hear(voices.engine, voices.ann, voice_of(1), "Zoe")
        voices.index.catch_up()
        voices.client.indices.delete(index=f"{voices.prefix}speakers_v4")
        assert voices.nearest(voice_of(1)) is None
        voices.connect().catch_up()
        assert voices.names() == {zoe.uuid, voices.profile(zoe.profile_id)}
        assert voices.nearest(voice_of(1)) == {zoe.profile_id}

    def test_waits_for_a_server_that_is_away(self, voices: Voices) -> None:
        zoe = hear(voices.engine, voices.ann, voice_of(1), "Zoe")
        voices.index = OpenSearchVoices(voices.engine, Server("http://127.0.0.1:9"), voices.prefix)
        assert voices.index.catch_up() == 0
        assert voices.nearest(voice_of(1)) is None
        voices.index = voices.connect()
        assert voices.index.catch_up() == 2
        assert voices.nearest(voice_of(1)) == {zoe.profile_id}

    def test_a_document_that_was_damaged_is_right_after_beginning_anew(
        self, voices: Voices
    ) -> None:
        zoe = hear(voices.engine, voices.ann, voice_of(1), "Zoe")
        voices.index.catch_up()
        voices.client.index(
            index=f"{voices.prefix}speakers",
            id=zoe.uuid,
            body={"name": "nonsense"},
            params={"version": 1, "version_type": "external_gte"},
        )
        voices.index.begin_anew()
        assert voices.names() == {zoe.uuid, voices.profile(zoe.profile_id)}
        voices.index.catch_up()
        assert voices.document(zoe.uuid)["display_name"] == "Zoe"


class TestNearestPeople:
    def test_are_those_whose_voices_are_nearest(self, voices: Voices) -> None:
        heard = [hear(voices.engine, voices.ann, voice_of(n), f"P{n}") for n in range(30)]
        voices.index.catch_up()
        for number, one in enumerate(heard):
            near = voice_of(number) + 0.1 * voice_of(99)
            assert voices.nearest(near / np.linalg.norm(near), most=1) == {one.profile_id}
        both = voices.nearest(voice_of(7), voice_of(8), most=1)
        assert both == {heard[7].profile_id, heard[8].profile_id}

    def test_are_never_another_users(self, voices: Voices) -> None:
        hear(voices.engine, voices.bob, voice_of(1), "Zoe")
        voices.index.catch_up()
        assert voices.nearest(voice_of(1)) == set()

    def test_are_of_the_same_model(self, voices: Voices) -> None:
        hear(voices.engine, voices.ann, voice_of(1), "Zoe", version="older")
        voices.index.catch_up()
        assert voices.nearest(voice_of(1)) == set()

    def test_everybody_is_compared_where_two_models_have_prints_of_one_length(
        self, voices: Voices
    ) -> None:
        hear(voices.engine, voices.ann, voice_of(1), "Zoe", version="older")
        hear(voices.engine, voices.ann, voice_of(2), "Zoe")
        voices.index.catch_up()
        assert voices.nearest(voice_of(1)) is None

    def test_everybody_is_compared_while_a_change_is_not_there_yet(self, voices: Voices) -> None:
        zoe = hear(voices.engine, voices.ann, voice_of(1), "Zoe")
        assert voices.nearest(voice_of(1)) is None
        voices.index.catch_up()
        hear(voices.engine, voices.bob, voice_of(2), "Kim")
        assert voices.nearest(voice_of(1)) == {zoe.profile_id}

    @pytest.mark.parametrize("engine", ["everybody", "opensearch"])
    def test_lead_to_who_is_found_among_all(self, voices: Voices, engine: str) -> None:
        index: VoiceIndex = Everybody() if engine == "everybody" else voices.index
        for number in range(60):
            hear(voices.engine, voices.ann, voice_of(number), f"P{number}")
        voices.index.catch_up()
        band = MatchBand(same_at_least=0.55, perhaps_at_least=0.40)
        for number in (3, 31, 59, 77):
            heard = voice_of(number) + 0.5 * voice_of(100 + number)
            heard /= np.linalg.norm(heard)
            query = VoiceQuery(voices.ann, MODEL, VERSION, (heard,))
            with Session(voices.engine) as session:
                people = index.nearest_people(session, query)
                known = known_prints(session, voices.ann, MODEL, VERSION, people)
            found = recognise_voices({0: (heard, 30.0)}, known, band)
            assert [one.name for one in found.values()] == ([f"P{number}"] if number < 60 else [])
            assert people is None or len(known) <= 20
