"""Taking over an installation of the earlier system from its backup, its media and its ``.env``.

Everything is made ready in a database aside: read there by a role that may do nothing else, brought
to the newest schema, its recordings copied, its jobs made. Only then does it take the live one's
place, in one transaction. Owns no tables; jobs: ``voiceprints.recompute``.
"""
