"""The index's tables, in the schema ``derived``: outside backups, rebuilt from the truth."""

from __future__ import annotations

from sqlalchemy import Connection, text

#: The shape below, and how what is in it is made: how words are cut and stemmed. Tables of another
#: shape are dropped and made anew, empty.
SHAPE = 2

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

DROPPED = "search_posting, search_term, search_vector, search_chunk, search_file, search_owner"

#: ``search_posting`` is an inverted index: a row says in which chunks of one file a term stands,
#: how often (``entries``) and at which words (``places``), packed as :mod:`postings` says, so that
#: a word that is everywhere is read in as many rows as there are files. A speaker is a term, too.
#: Vectors have a table of their own, narrow enough to be compared one by one.
TABLES = """
CREATE SCHEMA IF NOT EXISTS derived;
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA derived;
CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA derived;
CREATE TABLE IF NOT EXISTS derived.search_shape (shape integer NOT NULL);
CREATE TABLE derived.search_file (
    file_id integer PRIMARY KEY,
    owner_id integer NOT NULL,
    title text NOT NULL,
    title_words text[] NOT NULL,
    language text NOT NULL,
    uploaded_at timestamptz NOT NULL,
    duration_seconds real NOT NULL,
    vector_model text NOT NULL,
    chunk_count integer NOT NULL,
    word_count integer NOT NULL,
    term_ids integer[] STORAGE EXTERNAL NOT NULL
);
CREATE INDEX search_file_owner ON derived.search_file (owner_id);
CREATE TABLE derived.search_chunk (
    file_id integer NOT NULL REFERENCES derived.search_file ON DELETE CASCADE,
    chunk_index integer NOT NULL,
    speaker text NOT NULL,
    start_time real NOT NULL,
    end_time real NOT NULL,
    body text NOT NULL,
    word_starts bytea NOT NULL,
    PRIMARY KEY (file_id, chunk_index)
);
CREATE TABLE derived.search_vector (
    owner_id integer NOT NULL,
    file_id integer NOT NULL REFERENCES derived.search_file ON DELETE CASCADE,
    chunk_index integer NOT NULL,
    speaker text NOT NULL,
    vector derived.halfvec STORAGE PLAIN NOT NULL
);
CREATE INDEX search_vector_owner ON derived.search_vector (owner_id);
CREATE INDEX search_vector_file ON derived.search_vector (file_id);
CREATE TABLE derived.search_term (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id integer NOT NULL,
    is_speaker boolean NOT NULL,
    lexeme text NOT NULL,
    word text NOT NULL,
    chunks integer NOT NULL,
    UNIQUE (owner_id, is_speaker, lexeme)
) WITH (fillfactor = 70);
CREATE INDEX search_term_word ON derived.search_term USING gin (word derived.gin_trgm_ops);
CREATE TABLE derived.search_posting (
    term_id integer NOT NULL,
    file_id integer NOT NULL,
    entries bytea STORAGE EXTERNAL NOT NULL,
    places bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (term_id, file_id)
) WITH (toast_tuple_target = 8160);
"""


def ensure_schema(connection: Connection) -> None:
    """Make what is missing; safe to call at every start and from several processes at once.

    The stemmers are the server's own without their stop words: "to be or not to be" is a fair
    question, and common words weigh little in the ranking anyway.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('derived.search'))"))
    if _shape(connection) == SHAPE:
        return
    for table in DROPPED.split(", "):
        connection.execute(text(f"DROP TABLE IF EXISTS derived.{table}"))
    for statement in TABLES.split(";\n"):
        if statement.strip():
            connection.execute(text(statement))
    for stemmer in sorted(set(STEMMERS.values())):
        _ensure_stemmer(connection, stemmer)
    connection.execute(text("DELETE FROM derived.search_shape"))
    connection.execute(text("INSERT INTO derived.search_shape VALUES (:shape)"), {"shape": SHAPE})


def _shape(connection: Connection) -> int | None:
    if connection.scalar(text("SELECT to_regclass('derived.search_shape')")) is None:
        return None
    shape: int | None = connection.scalar(text("SELECT shape FROM derived.search_shape"))
    return shape


def _ensure_stemmer(connection: Connection, stemmer: str) -> None:
    ours = f"{stemmer}_all"
    wanted = text(
        "SELECT EXISTS (SELECT FROM pg_ts_dict WHERE dictname = :server) AND NOT EXISTS ("
        "SELECT FROM pg_ts_dict WHERE dictname = :ours "
        "AND dictnamespace = 'derived'::regnamespace)"
    )
    if not connection.scalar(wanted, {"server": f"{stemmer}_stem", "ours": ours}):
        return
    connection.execute(
        text(
            f"CREATE TEXT SEARCH DICTIONARY derived.{ours} "
            f"(TEMPLATE = pg_catalog.snowball, LANGUAGE = {stemmer})"
        )
    )
