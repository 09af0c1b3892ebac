"""Search on OpenSearch, fed from the index in PostgreSQL, which answers whenever it cannot."""
