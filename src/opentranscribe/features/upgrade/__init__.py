"""Bring an installation to another release, prove that it works, or put everything back.

Owns no table: what it does is written ahead in a journal of its own, because the database is one of
the things that are put back. How a release is installed, started and switched is behind the port
``deployment``.
"""
