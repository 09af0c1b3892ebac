"""Is everything there, and what is this: health, version, statistics, about.

Owns no table. Asks every port to answer, within a time limit, at most once a second however many
ask.
"""
