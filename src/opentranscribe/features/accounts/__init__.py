"""Accounts: who exists, what they may do, their passwords.

Owns the tables ``user`` and ``login_guard``. Emits FileDeleted for the recordings that go with a
person. Tells open pages of a person to check their session with the notice ``session_revoked``.
"""
