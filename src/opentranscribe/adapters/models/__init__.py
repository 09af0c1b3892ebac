"""Where model files come from: a folder, the cache, the hub, or a Python package's data files."""
