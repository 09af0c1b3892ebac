"""Words to lexemes, by the stemmers of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from opentranscribe.adapters.search.tables import STEMMERS


def stem_words(session: Session, words: Iterable[str], language: str) -> dict[str, str]:
    """Each word's lexeme in ``language`` (ISO 639-1); itself where there is no stemmer."""
    distinct = sorted(set(words))
    stemmer = STEMMERS.get(language)
    if stemmer is None or not distinct:
        return {word: word for word in distinct}
    rows = session.execute(
        text(
            "SELECT word, (ts_lexize(CAST(:dictionary AS regdictionary), word))[1] AS lexeme "
            "FROM unnest(CAST(:words AS text[])) AS word"
        ),
        {"dictionary": f"derived.{stemmer}_all", "words": distinct},
    )
    return {row.word: row.lexeme or row.word for row in rows}
