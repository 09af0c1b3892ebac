"""Words to lexemes, by the stemmers of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.orm import Session

from opentranscribe.adapters.search.rows import fetch
from opentranscribe.adapters.search.tables import STEMMERS

#: A lexeme for each word, in the same order.
STEM = """
SELECT array_agg(coalesce((ts_lexize(CAST(%(dictionary)s AS text)::regdictionary, word))[1], word)
                 ORDER BY place) AS lexemes
FROM unnest(CAST(%(words)s AS text[])) WITH ORDINALITY AS t (word, place)
"""


def stem_words(session: Session, words: Iterable[str], language: str) -> dict[str, str]:
    """Each word's lexeme in ``language`` (ISO 639-1); itself where there is no stemmer."""
    distinct = sorted(set(words))
    stemmer = STEMMERS.get(language)
    if stemmer is None or not distinct:
        return {word: word for word in distinct}
    values = {"dictionary": f"derived.{stemmer}_all", "words": distinct}
    (row,) = fetch(session, STEM, values)
    return dict(zip(distinct, row.lexemes, strict=True))


def stem_choices(
    session: Session, words: Sequence[str], languages: Iterable[str]
) -> Mapping[str, frozenset[str]]:
    """Each word's lexemes in all of these languages, and the word as it is."""
    choices = {word: {word} for word in words}
    for stemmer in sorted({STEMMERS[code] for code in languages if code in STEMMERS}):
        values = {"dictionary": f"derived.{stemmer}_all", "words": list(words)}
        (row,) = fetch(session, STEM, values)
        for word, lexeme in zip(words, row.lexemes, strict=True):
            choices[word].add(lexeme)
    return {word: frozenset(lexemes) for word, lexemes in choices.items()}
