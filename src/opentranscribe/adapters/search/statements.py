"""What is read for a search. ``%(name)s`` marks a parameter."""

from __future__ import annotations

from typing import Any

from opentranscribe.ports.search import SearchQuery

#: Reciprocal rank fusion (Cormack et al. 2009); 30 weighs the first ranks a little more than 60.
FUSION_CONSTANT = 30
#: Chunks nearest in meaning that take part in the fusion, and chunks that have the words.
NEAREST = 100
FUSED = 400

_WANTED = """
    (CAST(%(file_id)s AS integer) IS NULL OR f.file_id = %(file_id)s)
    AND (CAST(%(languages)s AS text[]) IS NULL OR f.language = ANY(%(languages)s))
    AND (CAST(%(date_from)s AS timestamptz) IS NULL OR f.uploaded_at >= %(date_from)s)
    AND (CAST(%(date_to)s AS timestamptz) IS NULL OR f.uploaded_at <= %(date_to)s)
"""


def filters(query: SearchQuery) -> dict[str, Any]:
    """What the statements that choose files are to be given."""
    return {
        "owner": query.file_ids_of,
        "file_id": query.file_id,
        "languages": list(query.languages) or None,
        "date_from": query.date_from,
        "date_to": query.date_to,
    }


#: The owner's files, packed column by column; which of them the filters let through.
SPACE = f"""
SELECT string_agg(int4send(file_id), ''::bytea ORDER BY file_id) AS files,
       string_agg(int4send(chunk_count), ''::bytea ORDER BY file_id) AS chunks,
       string_agg(boolsend({_WANTED}), ''::bytea ORDER BY file_id) AS wanted,
       sum(word_count) AS words,
       array_agg(DISTINCT language) AS languages
FROM derived.search_file f WHERE owner_id = %(owner)s
HAVING count(*) > 0
"""

_POSTINGS = """
SELECT t.lexeme, t.chunks, p.*
FROM derived.search_term t CROSS JOIN LATERAL (
    SELECT string_agg(int4send(file_id), ''::bytea ORDER BY file_id) AS files,
           string_agg(int4send(octet_length(entries) / 8), ''::bytea ORDER BY file_id) AS sizes,
           string_agg(entries, ''::bytea ORDER BY file_id) AS entries,
           {places} AS places
    FROM derived.search_posting WHERE term_id = t.id {some_files}
    HAVING count(*) > 0
) p
WHERE t.owner_id = %(owner)s AND {terms}
"""
_TERMS = "t.is_speaker = %(is_speaker)s AND t.lexeme = ANY(%(lexemes)s)"
#: Where terms stand: in all files; or, with the places in each chunk, in some files.
POSTINGS = _POSTINGS.format(places="NULL::bytea", some_files="", terms=_TERMS)
PLACED_POSTINGS = _POSTINGS.format(
    places="string_agg(places, ''::bytea ORDER BY file_id)",
    some_files="AND file_id = ANY(%(files)s)",
    terms=_TERMS,
)
#: Which chunks are whose, of everybody who speaks.
SPEAKER_POSTINGS = _POSTINGS.format(places="NULL::bytea", some_files="", terms="t.is_speaker")
SPEAKER_NAMES = """
SELECT lexeme, word FROM derived.search_term
WHERE owner_id = %(owner)s AND is_speaker AND lexeme = ANY(%(speakers)s)
"""

#: Chunks ranked by words meet the nearest by meaning. These are compared one by one: exact, quick
#: for one person's recordings (15 ms for 40 000 chunks), and nothing to keep up when writing. The
#: vectors have length one, so that the inner product is the cosine.
HYBRID = f"""
WITH by_text AS (
    SELECT * FROM unnest(CAST(%(files)s AS integer[]), CAST(%(chunks)s AS integer[]))
         WITH ORDINALITY AS t (file_id, chunk_index, rank)
),
by_meaning AS (
    SELECT file_id, chunk_index, row_number() OVER (ORDER BY distance) AS rank FROM (
        SELECT v.file_id, v.chunk_index,
               1 + (v.vector OPERATOR(derived.<#>) CAST(%(vector)s AS derived.halfvec)) AS distance
        FROM derived.search_vector v JOIN derived.search_file f USING (file_id)
        WHERE v.owner_id = %(owner)s AND {_WANTED}
          AND (%(vector_model)s = '' OR f.vector_model = %(vector_model)s)
          AND (CAST(%(speakers)s AS text[]) IS NULL OR v.speaker = ANY(%(speakers)s))
        ORDER BY distance LIMIT {NEAREST}
    ) nearest WHERE distance < %(max_distance)s
)
SELECT file_id, chunk_index, t.rank IS NOT NULL AS by_words,
       coalesce(1.0::float8 / ({FUSION_CONSTANT} + t.rank), 0)
       + coalesce(1.0::float8 / ({FUSION_CONSTANT} + m.rank), 0) AS score
FROM by_text t FULL JOIN by_meaning m USING (file_id, chunk_index)
"""

#: What is shown of a chunk.
CHUNKS = """
SELECT file_id, chunk_index, speaker, start_time, end_time, body, word_starts
FROM unnest(CAST(%(files)s AS integer[]), CAST(%(chunks)s AS integer[]))
     AS wanted (file_id, chunk_index)
JOIN derived.search_chunk USING (file_id, chunk_index)
"""

VECTORS = """
SELECT c.body, v.vector
FROM derived.search_vector v
JOIN derived.search_chunk c USING (file_id, chunk_index)
JOIN derived.search_file f USING (file_id)
WHERE file_id = %(file_id)s AND f.vector_model = %(model)s
"""

KNOWN_LEXEMES = """
SELECT lexeme FROM derived.search_term
WHERE owner_id = %(owner)s AND NOT is_speaker AND lexeme = ANY(%(lexemes)s)
"""

#: Words of the owner's own transcripts that look like one that none of them has.
SIMILAR_WORDS = """
SELECT word, chunks, derived.similarity(word, %(word)s) AS similarity FROM derived.search_term
WHERE owner_id = %(owner)s AND NOT is_speaker AND word OPERATOR(derived.%%) %(word)s
ORDER BY similarity DESC, chunks DESC LIMIT 8
"""

TITLES = "SELECT file_id, title FROM derived.search_file WHERE file_id = ANY(%(files)s)"

LANGUAGES = """
SELECT language, count(*) AS files FROM derived.search_file
WHERE file_id = ANY(%(files)s) GROUP BY language
"""

FILES_BY_TITLE = f"""
SELECT file_id FROM derived.search_file f
WHERE owner_id = %(owner)s AND {_WANTED} AND title_words @> CAST(%(tokens)s AS text[])
ORDER BY uploaded_at DESC LIMIT 50
"""

SUGGESTIONS = """
(SELECT DISTINCT title AS suggestion, 0 AS kind, 0 AS weight FROM derived.search_file
 WHERE owner_id = %(owner)s AND lower(title) LIKE %(inside)s ORDER BY title LIMIT %(most)s)
UNION ALL
(SELECT word, 1, -chunks FROM derived.search_term
 WHERE owner_id = %(owner)s AND is_speaker AND lexeme LIKE %(prefix)s
 ORDER BY chunks DESC LIMIT %(most)s)
UNION ALL
(SELECT word, 2, -chunks FROM derived.search_term
 WHERE owner_id = %(owner)s AND NOT is_speaker AND word LIKE %(prefix)s
 ORDER BY chunks DESC LIMIT %(most)s)
ORDER BY kind, weight, suggestion LIMIT %(most)s
"""
