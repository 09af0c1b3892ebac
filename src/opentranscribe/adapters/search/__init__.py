"""Search engines behind ports.search."""
