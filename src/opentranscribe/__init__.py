"""OpenTranscribe: recordings become searchable, speaker-labelled transcripts on your own machine."""

__version__ = "1.0.0"
