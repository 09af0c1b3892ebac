"""One folder per port, one file per technology; nothing here knows a feature."""
