"""Mending a word that no transcript has, with the words they do have."""

from __future__ import annotations

from sqlalchemy.orm import Session

from opentranscribe.adapters.search import statements
from opentranscribe.adapters.search.questions import Lexemes, Question
from opentranscribe.adapters.search.rows import fetch

MIN_LENGTH = 4


def correct_words(
    session: Session, owner_id: int, question: Question, lexemes: Lexemes
) -> dict[str, str]:
    """Token to a close word of the owner's own transcripts, for tokens that none of them has."""
    asked = sorted({one for options in lexemes.values() for one in options})
    values = {"owner": owner_id, "lexemes": asked}
    known = {row.lexeme for row in fetch(session, statements.KNOWN_LEXEMES, values)}
    mended = {}
    for token in question.tokens:
        if len(token) >= MIN_LENGTH and not known & set(lexemes[token]):
            word = _closest(session, owner_id, token)
            if word is not None:
                mended[token] = word
    return mended


def _closest(session: Session, owner_id: int, token: str) -> str | None:
    rows = fetch(session, statements.SIMILAR_WORDS, {"owner": owner_id, "word": token})
    allowed = 1 if len(token) < 8 else 2
    candidates = [
        (distance, -row.chunks, row.word)
        for row in rows
        if (distance := edit_distance(token, row.word, allowed)) <= allowed
    ]
    return min(candidates)[2] if candidates else None


def edit_distance(a: str, b: str, at_most: int) -> int:
    """Optimal string alignment: insert, delete, replace or swap two neighbours (Damerau 1964).

    Anything above ``at_most`` is returned as ``at_most + 1``.
    """
    if abs(len(a) - len(b)) > at_most:
        return at_most + 1
    before_last: list[int] = []
    last = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        row = [i]
        for j, right in enumerate(b, start=1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, before_last[j - 2] + 1)
            row.append(cost)
        before_last, last = last, row
    return min(last[-1], at_most + 1)
