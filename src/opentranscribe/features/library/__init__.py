"""The shelf: which recordings there are, how far each is, and reading one.

Owns no table of its own; reads media_file, job, job_step, speaker, transcript_segment and
transcript_draft, and writes the title of a media_file (emits TranscriptChanged, because search
shows titles). Uploading belongs to ``media``, changing words to ``editing``.
"""
