"""Secrets in the forms of the earlier system, with the keys that sealed them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentranscribe.kit.legacy_secrets import (
    SecretFormError,
    WrongKeyError,
    decrypt_fernet,
    decrypt_secret,
    decrypt_v3,
    fernet_key,
)

SENTENCE = "a sentence, not base64 — ключ"
V3 = "v3:1mGreoFmWxEOwnh_VeVdDQ==:wv-1JubT1hkcB3H5:CII5i01qlz7gCJRfWEvNkf3LJqVYmRkOE7w0X3GJNP_AbWtU"
V3_OF_TOTP = "v3:XDNIn2R3qE48-X5Kimwiyw==:3_Qqp9PwpwkIeLm6:MZ9IM0B_r36763ax57TkYE_t2zC_mL2P0A=="
FERNET_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
FERNET = (
    "Z0FBQUFBQnJBLVVlMkV2MUo4aFdSR0J3QTd1NjBDVV9IM3E3bE9ILU9PTlVuMTY2TWJKRFRMNFZQQmRSWFo5MkptUUFw"
    "cWozdlROdm5lb0ROeUcxeEdiRXJCV1Z5eXFTZ0xGNy1MQXllYjAyY3M5S2dSRzBmVjA9"
)
#: Does not decode as base64, is longer than 32 bytes.
PHRASE = "a-long-key-of-more-than-thirty-two-characters!!x"
FERNET_OF_PHRASE = (
    "Z0FBQUFBQnJBLVVlc0lOVzJweldqa0t4ZDNWYjRwVlVqUXJlN3ZGems3QThmdEIxN1lCT19kc05lTndkYnkzWlNleWlr"
    "MGlhako5Q2RpQjY1VEg0ZDVSRDRTTjd5TWp3N2c9PQ=="
)


class TestDecryptV3:
    def test_reads_what_was_sealed(self) -> None:
        assert decrypt_v3(V3, SENTENCE) == "sk-live-ключ-123"
        assert decrypt_v3(V3.replace("=", ""), SENTENCE) == "sk-live-ключ-123"

    def test_reads_what_was_sealed_for_another_use(self) -> None:
        assert decrypt_v3(V3_OF_TOTP, SENTENCE, b"totp") == "totp seed"
        with pytest.raises(WrongKeyError):
            decrypt_v3(V3_OF_TOTP, SENTENCE)

    def test_says_that_the_key_is_wrong_and_where_the_right_one_is(self) -> None:
        with pytest.raises(WrongKeyError, match=r"ENCRYPTION_KEY.*\.env"):
            decrypt_v3(V3, SENTENCE + " ")

    def test_refuses_a_secret_that_was_changed(self) -> None:
        with pytest.raises(WrongKeyError):
            decrypt_v3(V3[:-8] + "A" + V3[-7:], SENTENCE)

    @pytest.mark.parametrize(
        "stored",
        [
            "",
            "v3:",
            "v3:a:b",
            "v3:a:b:c:d",
            "v3:äö:b:c",
            "v3:!!!!:!!!!:!!!!",
            "v2" + V3[2:],
            V3[:40],
        ],
    )
    def test_refuses_what_is_no_secret(self, stored: str) -> None:
        with pytest.raises(SecretFormError):
            decrypt_v3(stored, SENTENCE)


class TestDecryptFernet:
    def test_reads_with_a_key_that_is_a_fernet_key(self) -> None:
        assert decrypt_fernet(FERNET, FERNET_KEY) == "ldap bind password"

    def test_reads_with_a_phrase_cut_to_32_bytes(self) -> None:
        assert decrypt_fernet(FERNET_OF_PHRASE, PHRASE) == "client secret"
        assert decrypt_fernet(FERNET_OF_PHRASE, PHRASE[:33]) == "client secret"

    def test_reads_a_bare_token(self) -> None:
        bare = base64.urlsafe_b64decode(FERNET).decode()
        assert decrypt_fernet(bare, FERNET_KEY) == "ldap bind password"

    @pytest.mark.parametrize("key", [PHRASE, "", "c2hvcnQ=", FERNET_KEY[1:] + "A", "ключ"])
    def test_says_that_the_key_is_wrong(self, key: str) -> None:
        with pytest.raises(WrongKeyError):
            decrypt_fernet(FERNET, key)

    @pytest.mark.parametrize("stored", ["", "plain text", "c2hvcnQ=", "\ud800", "gä"])
    def test_refuses_what_is_no_secret(self, stored: str) -> None:
        with pytest.raises(SecretFormError):
            decrypt_fernet(stored, FERNET_KEY)


class TestFernetKey:
    def test_pads_a_short_phrase_with_zeros(self) -> None:
        assert base64.urlsafe_b64decode(fernet_key("ключ")) == "ключ".encode().ljust(32, b"\0")

    def test_keeps_what_decodes(self) -> None:
        assert fernet_key(FERNET_KEY) == FERNET_KEY.encode()
        assert fernet_key("c2hvcnQ=") == b"c2hvcnQ="


class TestDecryptSecret:
    def test_knows_the_forms_apart(self) -> None:
        assert decrypt_secret(V3, SENTENCE) == "sk-live-ключ-123"
        assert decrypt_secret(FERNET, FERNET_KEY) == "ldap bind password"

    @given(st.text(max_size=60), st.text(max_size=60))
    def test_anything_else_is_an_error_of_ours(self, stored: str, key: str) -> None:
        with pytest.raises((SecretFormError, WrongKeyError)):
            decrypt_secret(stored, key)
