"""Backups that are proven: made at one consistent point, read again, restored aside before anything
live is touched.

Owns no table: what is known of backups lies in a file beside them, so that it can be read when the
database cannot. Calls nothing of other features.
"""
