"""Probes: whether the right release answers, healthy, with all of its page."""

from __future__ import annotations

import re

from opentranscribe.features.upgrade.proof.trial import Probes, Trial, expect
from opentranscribe.features.upgrade.proof.visitor import ProbeFailedError, Visitor

NAMED = re.compile(r'(?:href|src)="(/[^"/][^"]*)"|import\("(/[^"/][^"]*)"\)')
#: More than a page names; one that names thousands is not ours.
MOST_ASSETS = 200
KINDS = {
    "js": "javascript",
    "css": "text/css",
    "svg": "image/svg",
    "png": "image/png",
    "ico": "image/",
    "webmanifest": "json",
}


def alive(trial: Trial) -> str:
    trial.visitor.get("/livez").require(200)
    return "The process lives."


def ready(trial: Trial) -> str:
    trial.visitor.get("/readyz").require(200)
    return "Requests may be sent."


def healthy(trial: Trial) -> str:
    health = trial.visitor.get("/api/health").require(200).json()
    bad = [one["name"] for one in health["dependencies"] if one["status"] == "unhealthy"]
    expect(not bad, f"unhealthy: {', '.join(bad)}")
    return f"{len(health['dependencies'])} parts answer."


def right_version(trial: Trial) -> str:
    found = trial.visitor.get("/api/version").require(200).json()["version"]
    expect(found == trial.version, f"{found} answers where {trial.version} should")
    return f"{found} answers."


def page(trial: Trial) -> str:
    """Every file that it names, and that it is the page of this release: a browser that gets an
    older one runs scripts that no longer fit."""
    shown = trial.visitor.get("/", Accept="text/html").require(200).body
    expect(trial.page is not None, "this release has no built page to compare with")
    expect(shown == trial.page, "the page of another release came")
    assets = sorted({one or other for one, other in NAMED.findall(shown.decode())})
    expect(any(one.endswith(".js") for one in assets), "the page names no script")
    size = sum(_fetch(trial.visitor, path) for path in assets[:MOST_ASSETS])
    return f"The page and the {len(assets)} files that it names are there, {size // 1000} kB."


def _fetch(visitor: Visitor, path: str) -> int:
    """Its size in bytes."""
    answer = visitor.get(path)
    expect(answer.status == 200, f"{path} of the page answered {answer.status}")
    expect(answer.body, f"{path} of the page is empty")
    said = answer.header("Content-Type")
    kind = KINDS.get(path.rpartition(".")[2], "")
    if kind not in said:
        raise ProbeFailedError(f"{path} of the page came as {said or 'nothing that has a name'}")
    return len(answer.body)


def description(trial: Trial) -> str:
    described = trial.visitor.get("/api/openapi.json").require(200).json()
    return f"{len(described['paths'])} addresses are described."


PROBES: Probes = (
    ("alive", alive),
    ("ready", ready),
    ("health", healthy),
    ("version", right_version),
    ("page", page),
    ("description of the API", description),
)
