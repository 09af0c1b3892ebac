"""An earlier ``.env`` and what is proposed of it."""

from __future__ import annotations

from dotenv import dotenv_values

from opentranscribe.features.takeover.rules.environment import propose

KNOWN = {"HF_TOKEN": "OPENTR_HUB_TOKEN", "WHISPER_MODEL": "OPENTR_WHISPER_MODEL"}


class TestPropose:
    def test_takes_known_names_under_ours(self) -> None:
        made = propose({"HF_TOKEN": "hf_x", "POSTGRES_HOST": "db"}, KNOWN, lambda *_: True)
        assert made.taken == {"OPENTR_HUB_TOKEN": "hf_x"}
        assert made.unused == ("POSTGRES_HOST",)

    def test_leaves_the_key_of_secrets_and_addresses_of_its_containers_out(self) -> None:
        known = {"DATABASE_URL": "OPENTR_DATABASE_URL", "ENCRYPTION_KEY": "X"}
        made = propose({"ENCRYPTION_KEY": "k", "DATABASE_URL": "u"}, known, lambda *_: True)
        assert made.taken == {}
        assert made.unused == ("DATABASE_URL",)
        assert "k" not in made.text().splitlines()

    def test_names_values_that_make_no_sense_here(self) -> None:
        made = propose({"HF_TOKEN": "x"}, KNOWN, lambda name, value: False)
        assert (made.taken, made.refused) == ({}, ("HF_TOKEN",))

    def test_writes_every_value_so_that_it_reads_back(self, tmp_path) -> None:
        values = ["plain", "a b", "it's", 'say "x"', "back\\slash", "#no comment", "ключ", "$HOME"]
        for value in values:
            made = propose({"HF_TOKEN": value}, KNOWN, lambda *_: True)
            (tmp_path / ".env").write_text(made.text(), encoding="utf-8")
            read = dotenv_values(tmp_path / ".env", interpolate=False)
            assert read == {"OPENTR_HUB_TOKEN": value}
