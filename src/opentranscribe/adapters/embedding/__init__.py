"""Sentence vectors for search by meaning."""
