"""Probes: who is let in, and who is not."""

from __future__ import annotations

import uuid
from dataclasses import replace
from urllib.parse import urlencode

from opentranscribe.features.upgrade.proof.trial import NotApplicableError, Probes, Trial, expect
from opentranscribe.features.upgrade.proof.visitor import Answer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def refuses_strangers(trial: Trial) -> str:
    trial.visitor.get("/api/files").require(401)
    return "Who is not signed in sees nothing."


def refuses_wrong_password(trial: Trial) -> str:
    _sign_in(trial, "not this one " + uuid.uuid4().hex).require(401)
    return "A wrong password is refused."


def signs_in(trial: Trial) -> str:
    answer = _sign_in(trial, trial.person.password).require(200)
    trial.signed_in = replace(trial.visitor, token=str(answer.json()["access_token"]))
    return "Somebody can sign in."


def refuses_foreign_pages(trial: Trial) -> str:
    headers = {"Origin": "https://elsewhere.example", "Content-Type": "application/json"}
    trial.visitor.send("POST", "/api/auth/logout", b"{}", headers).require(403)
    return "Pages of other sites change nothing."


def refuses_what_no_page_meant(trial: Trial) -> str:
    """A browser sends its cookies along whoever makes it ask; the token only our page has."""
    opened = _sign_in(trial, trial.person.password, "/api/auth/login").require(200)
    expect(opened.cookies, "signing in as a browser sets no cookie")
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in opened.cookies.items())}
    trial.visitor.send("GET", "/api/auth/me", headers=cookie).require(200)
    trial.visitor.send("POST", "/api/auth/logout", b"", cookie).require(403)
    return "A cookie alone changes nothing."


def settings(trial: Trial) -> str:
    trial.member.get("/api/user-settings/transcription").require(200)
    return "Settings can be read."


def keeps_private(trial: Trial) -> str:
    if trial.owned is None:
        raise NotApplicableError("there is nobody else's recording")
    trial.member.get(f"/api/files/{trial.owned.uuid}").require(404)
    return "Nobody sees another's recording."


def signs_out(trial: Trial) -> str:
    expect(trial.member.post("/api/auth/logout").status in {200, 204}, "signing out failed")
    trial.member.get("/api/files").require(401)
    return "A session that was ended lets nobody in."


def _sign_in(trial: Trial, password: str, path: str = "/api/auth/token") -> Answer:
    form = urlencode({"username": trial.person.email, "password": password}).encode()
    return trial.visitor.send("POST", path, form, FORM)


OPENING: Probes = (
    ("strangers are refused", refuses_strangers),
    ("wrong password is refused", refuses_wrong_password),
    ("sign in", signs_in),
    ("foreign pages are refused", refuses_foreign_pages),
    ("requests of no page are refused", refuses_what_no_page_meant),
    ("settings", settings),
)
PRIVACY: Probes = (("privacy", keeps_private),)
CLOSING: Probes = (("sign out", signs_out),)
