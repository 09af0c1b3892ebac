"""Which models there are, which are on this machine, and fetching those that are not.

Owns no table. Job: ``model.fetch``, in the queue ``download``.
"""
