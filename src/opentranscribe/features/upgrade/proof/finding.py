"""Probes: a transcript is found by its words, and by its meaning alone."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote

from opentranscribe.features.upgrade.proof.trial import NotApplicableError, Probes, Trial, expect
from opentranscribe.features.upgrade.proof.visitor import ProbeFailedError

#: A transcript is found a moment after it is there, or after a new index was begun. Words and
#: vectors come in one transaction: what is found by words is found by meaning then, too.
INDEX_SECONDS, VECTOR_SECONDS = 15.0, 2.0
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
#: Of a question; words that are written without spaces count by the letter.
MOST_TOKENS = 36
FEWEST_WORDS = 3
PASSAGES_TRIED = 3


def finds_words(trial: Trial) -> str:
    _, file = trial.owner

    def look() -> str | None:
        found = _search(trial, "keyword", file.word)
        if not any(one["keyword_occurrences"] for one in found["results"]):
            return None
        trial.is_indexed = True
        return f"Found {found['total_results']} times in {found['search_time_ms']:.0f} ms."

    return _wait_for(
        trial, INDEX_SECONDS, look, f"a word of a transcript ({file.word}) is not found"
    )


def finds_meaning(trial: Trial) -> str:
    """Asks for a passage's words in the reverse order as an exact phrase. That nobody said, so it
    is not found by words; whoever compares meanings finds the passage, whose words they are."""
    visitor, file = trial.owner
    expect(trial.is_indexed, "the recording is not in the index, as it is not found by words")
    shown = visitor.get(f"/api/files/{file.uuid}/transcript").require(200).json()
    phrases = list(turned_phrases(str(one.get("text", "")) for one in shown["segments"]))
    if not phrases:
        raise NotApplicableError("the newest transcript has no sentence to ask for")

    def look() -> str | None:
        for phrase in phrases:
            found = _search(trial, "hybrid", f'"{phrase}"')
            if found["search_mode"] != "hybrid":
                raise NotApplicableError("there is no model for sentences on this machine")
            if any(one["semantic_occurrences"] for one in found["results"]):
                return f"Found by meaning alone in {found['search_time_ms']:.0f} ms."
        return None

    otherwise = "a passage is not found by its meaning, without its words"
    return _wait_for(trial, VECTOR_SECONDS, look, otherwise)


def suggests(trial: Trial) -> str:
    visitor, _ = trial.owner
    visitor.get("/api/search/suggestions?q=th").require(200)
    return "Suggestions come."


def turned_phrases(texts: Iterable[str]) -> Iterator[str]:
    """The first words of the longest passages, last one first; those that read the same both ways
    are left out."""
    cut = (_first_words(text) for text in sorted(texts, key=len, reverse=True)[:PASSAGES_TRIED])
    for words in cut:
        folded = [word.casefold() for word in words]
        if len(set(folded)) >= FEWEST_WORDS and folded != folded[::-1]:
            yield " ".join(reversed(words))


def _first_words(text: str) -> list[str]:
    words, tokens = [], 0
    for found in WORD.finditer(text):
        tokens += 1 if found[0].isascii() else len(found[0])
        if tokens > MOST_TOKENS:
            break
        words.append(found[0])
    return words


def _search(trial: Trial, mode: str, words: str) -> Any:
    """Only in the one recording."""
    visitor, file = trial.owner
    query = f"/api/search?search_mode={mode}&file_uuid={file.uuid}&q={quote(words)}"
    found = visitor.get(query).require(200).json()
    others = {one["file_uuid"] for one in found["results"]} - {file.uuid}
    expect(not others, "other recordings came than were asked for")
    return found


def _wait_for(trial: Trial, patience: float, look: Callable[[], str | None], otherwise: str) -> str:
    until = time.monotonic() + min(patience, trial.seconds_left)
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() >= until:
            raise ProbeFailedError(otherwise)
        time.sleep(0.2)


PROBES: Probes = (
    ("search by words", finds_words),
    ("search by meaning", finds_meaning),
    ("suggestions", suggests),
)
