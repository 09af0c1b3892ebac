"""A transcript as a file: TXT, SRT, WebVTT with voices, JSON.

Owns no table; reads media_file, transcript_segment and speaker. ``rules.render`` is pure, so that
the command line writes the same files without a server or a database.
"""
