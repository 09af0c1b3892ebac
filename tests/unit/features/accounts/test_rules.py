"""Which addresses and passwords are accepted."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentranscribe.features.accounts.common_passwords import LONG, is_common, leaked
from opentranscribe.features.accounts.errors import EmailError, WeakPasswordError
from opentranscribe.features.accounts.rules import (
    MIN_LENGTH,
    check_password,
    guard_subject,
    normalise_email,
)


class TestNormaliseEmail:
    @pytest.mark.parametrize(
        ("given_address", "kept"),
        [
            (" Ada@Example.ORG ", "ada@example.org"),
            ("admin@localhost", "admin@localhost"),
            ("o'neil+x@mail.co.uk", "o'neil+x@mail.co.uk"),
            ("\uff41@example.org", "a@example.org"),
        ],
    )
    def test_keeps_one_spelling(self, given_address: str, kept: str) -> None:
        assert normalise_email(given_address) == kept

    @pytest.mark.parametrize(
        "address",
        [
            "",
            "ada",
            "@x.org",
            "ada@",
            "a@b@c.org",
            "a b@x.org",
            "a@x..org",
            "a@.org",
            "a@x.org\n.x",
            "a\0@x.org",
            "x" * 300 + "@x.org",
        ],
    )
    def test_refuses_what_is_none(self, address: str) -> None:
        with pytest.raises(EmailError):
            normalise_email(address)


class TestGuardSubject:
    @given(st.text(max_size=100))
    def test_any_text_can_be_counted(self, text: str) -> None:
        assert len(guard_subject(text)) == 64

    def test_spellings_of_one_address_are_one_subject(self) -> None:
        assert guard_subject(" ADA@example.org") == guard_subject("ada@example.org")


class TestCheckPassword:
    @pytest.mark.parametrize(
        "password",
        [
            "correct zebra staple battery",
            "my dog ate nine lamps",
            "Gr\u00fc\u00dfe aus dem Allg\u00e4u",
            "пароль который помню",
            "密码由很多汉字组成所以它很长很长的",
            "kq9vL2xTz8mWp4R",
            "x7" + "aB3$ " * 3 + "unique tail of words",
            "q" * 3 + " 128 characters " + "lorem ipsum dolor sit amet " * 3 + "end here" * 3,
        ],
    )
    def test_takes_long_ones_of_any_kind(self, password: str) -> None:
        check_password(password, ("ada@example.org", "Ada Lovelace"))

    @pytest.mark.parametrize("password", sorted(LONG)[::7])
    def test_refuses_those_of_the_leaks(self, password: str) -> None:
        with pytest.raises(WeakPasswordError):
            check_password(password)

    def test_refuses_the_ten_thousand_commonest_and_more(self) -> None:
        assert len(leaked()) >= 10_000
        assert {"123456", "password", "qwerty", "iloveyou", "liverpool"} <= leaked()
        for password in leaked():
            with pytest.raises(WeakPasswordError):
                check_password(password)

    def test_refuses_them_filled_up_to_the_length(self) -> None:
        """Fifteen characters are not hard to reach with digits and punctuation."""
        lettered = [one for one in sorted(leaked()) if one.isascii() and one.isalpha()]
        for word in lettered[:: len(lettered) // 300]:
            for filled in (
                f"{word}8362947510",
                f"2026!{word}!!!!!!!!!!!!",
                f"{word.title()}-29-07-1984",
            ):
                with pytest.raises(WeakPasswordError):
                    check_password(filled.ljust(MIN_LENGTH, "7"))

    def test_knows_the_list_by_whole_entries(self) -> None:
        assert is_common("monkey")
        assert not is_common("")
        assert not is_common("monke")

    @pytest.mark.parametrize(
        "password",
        [
            "",
            "short",
            "x" * (MIN_LENGTH - 1),
            "a" * 40,
            "abababababababab",
            "abc123abc123abc123",
            "123456789012345678",
            "abcdefghijklmnopqrst",
            "zyxwvutsrqponmlkjih",
            "qwertyuiopasdfghjkl",
            "PasswordPassword1",
            "P@ssw0rdP@ssw0rd",
            "password123456789",
            "iloveyouiloveyou",
            "dragon dragon dragon",
            "x" * 257,
        ],
    )
    def test_refuses_what_is_guessed_first(self, password: str) -> None:
        with pytest.raises(WeakPasswordError):
            check_password(password)

    @pytest.mark.parametrize(
        "password",
        [
            "ada.lovelace@example.org",
            "AdaLovelaceExample",
            "OpenTranscribe2026!",
            "lovelace-lovelace1",
        ],
    )
    def test_refuses_what_is_known_of_the_person(self, password: str) -> None:
        with pytest.raises(WeakPasswordError):
            check_password(password, ("ada.lovelace@example.org", "Ada Lovelace"))

    def test_counts_characters_after_normalising(self) -> None:
        with pytest.raises(WeakPasswordError):
            check_password("e\u0301" * 3 + "kdjwlqpzmx")  # 16 code points, 13 characters

    @given(st.text(max_size=300))
    def test_always_gives_a_verdict(self, password: str) -> None:
        with contextlib.suppress(WeakPasswordError):
            check_password(password, (password,))
