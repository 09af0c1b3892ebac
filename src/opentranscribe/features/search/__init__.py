"""Finding what was said, by words and by meaning, and the moment to play.

Owns no table: the index behind ports.search is derived and can be rebuilt. Listens to
TranscriptReady, TranscriptChanged (a job re-indexes the file, embedding only what changed) and
FileDeleted.
"""
