"""Hashes as passlib 1.7.4 made them, with the passwords they were made of."""

from __future__ import annotations

import pytest

from opentranscribe.kit.legacy_passwords import is_legacy_hash, verify_legacy
from opentranscribe.kit.passwords import verify_password

STAPLE = "correct zebra staple battery"
CAFE = "Zürich Café Straße"
LONG = "x" * 100
KNOWN = [
    (STAPLE, "$bcrypt-sha256$v=2,t=2b,r=12$nihBnNTeu3WgQ6IP1CgT7e$v2Oh4m7o3Yy.6R5IsEOx4YyjbIeynES"),
    (STAPLE, "$2b$12$eKWrXPAYvHP2omSzPtPN1.I.IJzCNUxmGk5lWB7JHy/OfKvY7UFUu"),
    (
        STAPLE,
        "$pbkdf2-sha256$210000$b.09x5gz5pyT8n4vRWjNWQ$szTRFQJoteyVqAn9geeEiNxAOfKC7ftb7RCGEwsugpQ",
    ),
    (
        STAPLE,
        "$pbkdf2-sha256$600000$X0updU5pzZlzbq1VKqXU.g$TTatlXfwmqcPGYQ.xNiyTWcgPphvsWY.9VZ9ZFFdvEo",
    ),
    (CAFE, "$bcrypt-sha256$v=2,t=2b,r=4$6PSv5iKDctzfJ5182GGCe.$txTac9s0ZZOIy9ByV5jq9T7DMhD90Yi"),
    (CAFE, "$2b$04$F4oTFeH2hzwfhpsvLMEr/OgGKVFRY48gr78MgecnHP789RiifaQT2"),
    (
        CAFE,
        "$pbkdf2-sha256$1000$pBTivLcWojSmtFaK8b4X4g$dDfV6hToGq.NBhY63XW/EDN29Co9loZIco.QALkQDKQ",
    ),
    (LONG, "$bcrypt-sha256$v=2,t=2b,r=4$mlzHtZp3QOG2SifnFkGXF.$Xmg6BTseu8VFUe33P3sndZmiC8.i7i6"),
    (LONG, "$2b$04$dV9tGppb5bmratICrJILB.Yqq5T5APlr2IjY5fBIuaIkwIUYLt0/y"),
    (
        LONG,
        "$pbkdf2-sha256$1000$YazVem.NMQZg7P1fK6U0Bg$r5wAHCsi8OPxhtSLC6SXsup53nsLNweXWBSWqbceZQI",
    ),
]
NONE = [
    "",
    "!",
    "external",
    "LDAP_AUTHENTICATED_NO_PASSWORD",
    "$2b$12$abcdefghijklmnopqrstuv",
    "$2b$99$eKWrXPAYvHP2omSzPtPN1.I.IJzCNUxmGk5lWB7JHy/OfKvY7UFUu",
    "$2b$31$eKWrXPAYvHP2omSzPtPN1.I.IJzCNUxmGk5lWB7JHy/OfKvY7UFUu",
    "$2b$04$F4oTFeH2hzwfhpsvLMEr/OgGKVFRY48gr78MgecnHP789RiifaQT2\n",
    "$bcrypt-sha256$v=2,t=2b,r=4$6PSv5iKDctzfJ5182GGCe.$",
    "$pbkdf2-sha256$0$pBTivLcWojSmtFaK8b4X4g$dDfV6hToGq",
    "$pbkdf2-sha256$99999999$pBTivLcWojSmtFaK8b4X4g$dDfV6hToGq",
    "$pbkdf2-sha256$1000$pBTivLcWojSmtFaK8b4X4g$",
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
    "\x00",
    "\ud800",
]


class TestVerifyLegacy:
    @pytest.mark.parametrize(("password", "stored"), KNOWN)
    def test_knows_the_password_and_no_other(self, password: str, stored: str) -> None:
        assert is_legacy_hash(stored)
        assert verify_legacy(password, stored)
        assert not verify_legacy("y" + password[1:], stored)

    @pytest.mark.parametrize(("password", "stored"), KNOWN[4:])
    def test_refuses_a_hash_with_one_letter_changed(self, password: str, stored: str) -> None:
        last = len(stored) - 5
        changed = stored[:last] + ("A" if stored[last] != "A" else "B") + stored[last + 1 :]
        assert not verify_legacy(password, changed)

    @pytest.mark.parametrize("stored", NONE)
    def test_a_marker_is_no_hash_and_opens_nothing(self, stored: str) -> None:
        assert not is_legacy_hash(stored)
        for password in ("", stored, "external", STAPLE):
            assert not verify_legacy(password, stored)

    @pytest.mark.parametrize("password", ["", "\x00", STAPLE + "\x00", "\ud800", "a" * 100_000])
    @pytest.mark.parametrize("stored", [KNOWN[4][1], KNOWN[5][1], KNOWN[6][1]])
    def test_takes_any_text_for_a_password(self, password: str, stored: str) -> None:
        assert not verify_legacy(password, stored)


class TestVerifyPassword:
    @pytest.mark.parametrize(("password", "stored"), KNOWN[4:7])
    def test_gives_a_new_hash_for_an_older_one(self, password: str, stored: str) -> None:
        matches, replacement = verify_password(password, stored)
        assert matches
        assert replacement is not None
        assert replacement.startswith("$argon2id$")
        assert verify_password(password, replacement) == (True, None)

    def test_gives_none_for_a_wrong_password(self) -> None:
        assert verify_password("wrong", KNOWN[5][1]) == (False, None)
