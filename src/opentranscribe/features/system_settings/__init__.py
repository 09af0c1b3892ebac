"""Choices of people and of the installation: how to transcribe, and terms to expect.

Owns user_setting and custom_vocabulary, under the key names of the earlier system where it had
one. ``transcription`` asks for the defaults when it makes a job.
"""
