"""Signing in and staying signed in; the page that makes the first administrator.

Owns the table ``user_session``. Listens to nothing. The right to set the program up is a one-time
token in a file that only the owner of the installation can read.
"""
