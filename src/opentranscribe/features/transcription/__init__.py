"""From a stored file to a transcript that says who spoke.

Owns transcript_segment, transcript_draft, speaker and voiceprint as far as a machine writes them
(people's changes go through ``editing``). Hears FileAdded (makes the job in the same transaction)
and FileDeleted; emits TranscriptReady. Jobs: ``transcription.process`` and
``transcription.rediarize``; their steps are the tables in ``steps.py``.
"""
