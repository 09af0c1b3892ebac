"""Domain-free helpers, one noun per module; the lowest layer, importable from everywhere."""
