"""Where bytes are kept: a folder on disk, or memory for tests and one-off runs."""
