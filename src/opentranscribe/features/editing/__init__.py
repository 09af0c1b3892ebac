"""Changing what was said and who said it, with a history that can be walked both ways.

Owns transcript_edit; writes transcript_segment and speaker. Every change is one operation row with
what was before and after; undo applies the one, redo the other, and both refuse when somebody
changed the same thing since. Emits TranscriptChanged, so that search follows.
"""
