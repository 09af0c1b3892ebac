"""Voices and the people they belong to.

Owns speaker_profile; writes speaker through ``editing``, so that naming can be undone. Naming a
voice links it to the person of that name, and that is what lets ``transcription`` recognise the
voice in the next recording.
"""
