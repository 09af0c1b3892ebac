"""The schema ``kept``: rows, values and definitions that an upgrade could not leave where they were.

Nothing is ever deleted from it. Backups take it along.
"""

KEPT = """
CREATE SCHEMA IF NOT EXISTS kept;
CREATE TABLE IF NOT EXISTS kept.row (
    id BIGSERIAL CONSTRAINT pk_row PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT now(),
    table_name TEXT NOT NULL,
    reason TEXT NOT NULL,
    content JSONB NOT NULL
);
CREATE TABLE IF NOT EXISTS kept.value (
    id BIGSERIAL CONSTRAINT pk_value PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT now(),
    table_name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    row_key JSONB NOT NULL,
    content JSONB,
    reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS kept.definition (
    id BIGSERIAL CONSTRAINT pk_definition PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT now(),
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    reason TEXT NOT NULL
);
"""
