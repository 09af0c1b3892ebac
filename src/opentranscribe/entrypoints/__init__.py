"""The processes that people and machines start."""
