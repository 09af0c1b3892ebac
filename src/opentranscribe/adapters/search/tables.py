"""The index's tables, in the schema ``derived``: outside backups, rebuilt from the truth."""

from __future__ import annotations

from sqlalchemy import Connection, text

VECTOR_DIMENSION = 384

#: ISO 639-1 to the stemmers that PostgreSQL carries.
STEMMERS = {
    "ar": "arabic",
    "hy": "armenian",
    "eu": "basque",
    "ca": "catalan",
    "da": "danish",
    "nl": "dutch",
    "en": "english",
    "et": "estonian",
    "fi": "finnish",
    "fr": "french",
    "de": "german",
    "el": "greek",
    "hi": "hindi",
    "hu": "hungarian",
    "id": "indonesian",
    "ga": "irish",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "no": "norwegian",
    "nn": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "es": "spanish",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}

TABLES = f"""
CREATE SCHEMA IF NOT EXISTS derived;
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA derived;
CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA derived;
CREATE TABLE IF NOT EXISTS derived.search_file (
    file_id integer PRIMARY KEY,
    owner_id integer NOT NULL,
    title text NOT NULL,
    title_words text[] NOT NULL,
    language text NOT NULL,
    uploaded_at timestamptz NOT NULL,
    duration_seconds real NOT NULL,
    vector_model text NOT NULL
);
CREATE INDEX IF NOT EXISTS search_file_owner ON derived.search_file (owner_id, language);
CREATE TABLE IF NOT EXISTS derived.search_chunk (
    id bigserial PRIMARY KEY,
    file_id integer NOT NULL REFERENCES derived.search_file ON DELETE CASCADE,
    owner_id integer NOT NULL,
    uploaded_at timestamptz NOT NULL,
    chunk_index integer NOT NULL,
    speaker text NOT NULL,
    start_time real NOT NULL,
    end_time real NOT NULL,
    word_count integer NOT NULL,
    body text NOT NULL,
    word_starts real[] NOT NULL,
    lexemes tsvector NOT NULL,
    vector derived.halfvec({VECTOR_DIMENSION})
);
CREATE INDEX IF NOT EXISTS search_chunk_file ON derived.search_chunk (file_id, chunk_index);
CREATE INDEX IF NOT EXISTS search_chunk_owner ON derived.search_chunk (owner_id);
CREATE INDEX IF NOT EXISTS search_chunk_lexemes ON derived.search_chunk
    USING gin (lexemes) WITH (fastupdate = off);
CREATE INDEX IF NOT EXISTS search_chunk_vector ON derived.search_chunk
    USING hnsw (vector derived.halfvec_cosine_ops);
ALTER TABLE derived.search_chunk ALTER lexemes SET STORAGE MAIN, ALTER vector SET STORAGE PLAIN;
CREATE TABLE IF NOT EXISTS derived.search_owner (
    owner_id integer PRIMARY KEY,
    chunks integer NOT NULL,
    words bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS derived.search_term (
    owner_id integer NOT NULL,
    lexeme text NOT NULL,
    word text NOT NULL,
    chunks integer NOT NULL,
    PRIMARY KEY (owner_id, lexeme)
);
CREATE INDEX IF NOT EXISTS search_term_word ON derived.search_term
    USING gin (word derived.gin_trgm_ops);
"""


def ensure_schema(connection: Connection) -> None:
    """Make what is missing; safe to call at every start and from several processes at once.

    The stemmers are the server's own without their stop words: "to be or not to be" is a fair
    question, and common words weigh little in the ranking anyway.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('derived.search'))"))
    if connection.scalar(text("SELECT to_regclass('derived.search_term')")) is not None:
        return
    for statement in TABLES.split(";\n"):
        if statement.strip():
            connection.execute(text(statement))
    for stemmer in sorted(set(STEMMERS.values())):
        _ensure_stemmer(connection, stemmer)


def _ensure_stemmer(connection: Connection, stemmer: str) -> None:
    known = text("SELECT 1 FROM pg_ts_dict WHERE dictname = :name")
    if connection.scalar(known, {"name": f"{stemmer}_stem"}) is None:
        return
    dictionary = f"derived.{stemmer}_all"
    connection.execute(
        text(
            f"CREATE TEXT SEARCH DICTIONARY {dictionary} "
            f"(TEMPLATE = pg_catalog.snowball, LANGUAGE = {stemmer})"
        )
    )
