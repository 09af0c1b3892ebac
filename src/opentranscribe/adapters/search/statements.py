"""The search statement: candidates by index, BM25, nearest vectors, reciprocal rank fusion."""

from __future__ import annotations

#: Okapi BM25 (Robertson & Zaragoza 2009) with the usual constants.
BM25_K1 = 1.2
BM25_B = 0.75
#: Reciprocal rank fusion (Cormack et al. 2009); 30 weighs the first ranks a little more than 60.
FUSION_CONSTANT = 30
#: Chunks that are looked at, ranked roughly and ranked exactly, at most: a phrase of two very
#: frequent words must not rank them all.
CANDIDATES = 3000
ROUGHLY_RANKED = 600
RANKED = 150
NEAREST = 100
FUSED = 400

_WHERE = """
    c.owner_id = :owner
    AND (CAST(:file_id AS integer) IS NULL OR c.file_id = :file_id)
    AND (CAST(:speakers AS text[]) IS NULL OR lower(c.speaker) = ANY(:speakers))
    AND (CAST(:date_from AS timestamptz) IS NULL OR c.uploaded_at >= :date_from)
    AND (CAST(:date_to AS timestamptz) IS NULL OR c.uploaded_at <= :date_to)
"""

_TEXT = f"""
candidates AS MATERIALIZED (
    SELECT c.id, c.lexemes, c.word_count FROM derived.search_chunk c
    WHERE {_WHERE} AND c.lexemes @@ CAST(:words AS tsquery)
    LIMIT {CANDIDATES}
),
matches AS MATERIALIZED (
    SELECT id, lexemes, word_count FROM (
        SELECT * FROM candidates WHERE lexemes @@ CAST(:phrases AS tsquery) LIMIT {ROUGHLY_RANKED}
    ) found
    ORDER BY ts_rank(lexemes, CAST(:words AS tsquery), 1) DESC, id LIMIT {RANKED}
),
terms AS (
    SELECT lexeme, ln(1 + (:chunks - chunks + 0.5) / (chunks + 0.5)) AS idf
    FROM derived.search_term WHERE owner_id = :owner AND lexeme = ANY(:lexemes)
),
scored AS (
    SELECT m.id, sum(
        t.idf * cardinality(u.positions) * {BM25_K1 + 1}
        / (cardinality(u.positions) + {BM25_K1} * (
            1 - {BM25_B} + {BM25_B} * m.word_count / :mean_words))
    ) AS score
    FROM matches m
    CROSS JOIN LATERAL unnest(m.lexemes) AS u
    JOIN terms t ON t.lexeme = u.lexeme
    GROUP BY m.id
),
by_text AS (
    SELECT id, score, row_number() OVER (ORDER BY score DESC, id) AS rank
    FROM scored ORDER BY score DESC, id LIMIT {FUSED}
)"""

_NEAREST = f"""
by_meaning AS (
    SELECT id, row_number() OVER (ORDER BY distance, id) AS rank, distance FROM (
        SELECT c.id, c.vector OPERATOR(derived.<=>) CAST(:vector AS derived.halfvec) AS distance
        FROM derived.search_chunk c WHERE {_WHERE} AND c.vector IS NOT NULL
        ORDER BY c.vector OPERATOR(derived.<=>) CAST(:vector AS derived.halfvec)
        LIMIT {NEAREST}
    ) nearest WHERE distance < :max_distance
)"""

_FOUND = """
SELECT c.id, c.file_id, c.chunk_index, c.speaker, c.start_time, c.end_time, fused.score,
       fused.by_words
FROM fused JOIN derived.search_chunk c ON c.id = fused.id
ORDER BY fused.score DESC, c.id
"""

KEYWORD = f"""
WITH {_TEXT},
fused AS (SELECT id, score, TRUE AS by_words FROM by_text)
{_FOUND}
"""

HYBRID = f"""
WITH {_TEXT}, {_NEAREST},
fused AS (
    SELECT coalesce(t.id, s.id) AS id, t.id IS NOT NULL AS by_words,
           coalesce(1.0 / ({FUSION_CONSTANT} + t.rank), 0)
           + coalesce(1.0 / ({FUSION_CONSTANT} + s.rank), 0) AS score
    FROM by_text t FULL JOIN by_meaning s ON s.id = t.id
)
{_FOUND}
"""

#: What the shown chunks need for snippets: the text, and where the words asked for stand.
PASSAGES = """
SELECT c.id, c.body, c.word_starts,
       (SELECT array_agg(DISTINCT p ORDER BY p)
        FROM unnest(c.lexemes) AS u, unnest(u.positions) AS p
        WHERE u.lexeme = ANY(:lexemes)) AS positions
FROM derived.search_chunk c WHERE c.id = ANY(:ids)
"""

STATISTICS = """
SELECT chunks, words::float / greatest(chunks, 1) AS mean_words
FROM derived.search_owner WHERE owner_id = :owner
"""

LANGUAGES = "SELECT DISTINCT language FROM derived.search_file WHERE owner_id = :owner"

KNOWN_LEXEMES = """
SELECT lexeme FROM derived.search_term WHERE owner_id = :owner AND lexeme = ANY(:lexemes)
"""

#: Words of the owner's own transcripts that look like one that none of them has.
SIMILAR_WORDS = """
SELECT word, chunks, derived.similarity(word, :word) AS similarity FROM derived.search_term
WHERE owner_id = :owner AND word OPERATOR(derived.%) :word
ORDER BY similarity DESC, chunks DESC LIMIT 8
"""

TITLES = """
SELECT file_id, title FROM derived.search_file f
WHERE owner_id = :owner
  AND (CAST(:file_id AS integer) IS NULL OR file_id = :file_id)
  AND (CAST(:date_from AS timestamptz) IS NULL OR uploaded_at >= :date_from)
  AND (CAST(:date_to AS timestamptz) IS NULL OR uploaded_at <= :date_to)
  AND title_words @> CAST(:tokens AS text[])
ORDER BY uploaded_at DESC LIMIT 50
"""

SUGGESTIONS = """
(SELECT DISTINCT title AS suggestion, 0 AS kind, 0 AS weight FROM derived.search_file
 WHERE owner_id = :owner AND lower(title) LIKE :inside ORDER BY title LIMIT :most)
UNION ALL
(SELECT speaker, 1, -count(*) FROM derived.search_chunk
 WHERE owner_id = :owner AND lower(speaker) LIKE :prefix GROUP BY speaker
 ORDER BY count(*) DESC LIMIT :most)
UNION ALL
(SELECT word, 2, -chunks FROM derived.search_term
 WHERE owner_id = :owner AND word LIKE :prefix ORDER BY chunks DESC LIMIT :most)
ORDER BY kind, weight, suggestion LIMIT :most
"""
