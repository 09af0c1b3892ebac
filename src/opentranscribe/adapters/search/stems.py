"""Words to lexemes, by the stemmers of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.orm import Session

from opentranscribe.adapters.search.rows import fetch
from opentranscribe.adapters.search.tables import STEMMERS

#: Words have no spaces in them; as one text they are sent many times as fast as one by one.
STEM = """
SELECT string_agg(coalesce((ts_lexize(CAST(%(dictionary)s AS text)::regdictionary, word))[1], word),
                  ' ' ORDER BY place) AS lexemes
FROM unnest(string_to_array(%(words)s, ' ')) WITH ORDINALITY AS t (word, place)
"""
#: Words of one language whose lexemes are remembered: many people's vocabulary.
REMEMBERED = 200_000
_known: dict[str, dict[str, str]] = {}


def stem_words(session: Session, words: Iterable[str], language: str) -> dict[str, str]:
    """Each word's lexeme in ``language`` (ISO 639-1); itself where there is no stemmer."""
    distinct = set(words)
    stemmer = STEMMERS.get(language)
    if stemmer is None:
        return {word: word for word in distinct}
    return _stem(session, stemmer, distinct)


def stem_choices(
    session: Session, words: Sequence[str], languages: Iterable[str]
) -> Mapping[str, frozenset[str]]:
    """Each word's lexemes in all of these languages, and the word as it is."""
    choices = {word: {word} for word in words}
    for stemmer in sorted({STEMMERS[code] for code in languages if code in STEMMERS}):
        for word, lexeme in _stem(session, stemmer, set(words)).items():
            choices[word].add(lexeme)
    return {word: frozenset(lexemes) for word, lexemes in choices.items()}


def _stem(session: Session, stemmer: str, words: set[str]) -> dict[str, str]:
    known = _known.setdefault(stemmer, {})
    stems = {word: known[word] for word in words if word in known}
    new = sorted(words - stems.keys())
    if new:
        values = {"dictionary": f"derived.{stemmer}_all", "words": " ".join(new)}
        (row,) = fetch(session, STEM, values)
        added = dict(zip(new, row.lexemes.split(" "), strict=True))
        if len(known) + len(added) > REMEMBERED:
            _known[stemmer] = known = {}
        known.update(added)
        stems.update(added)
    return stems
