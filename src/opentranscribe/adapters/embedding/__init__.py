"""Sentence encoders behind ports.embedding."""
