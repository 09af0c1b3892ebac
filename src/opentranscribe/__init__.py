"""OpenTranscribe: recordings become searchable, speaker-labelled transcripts on your own machine."""

__version__ = "1.0.0"
__license__ = "GPL-3.0-or-later"
