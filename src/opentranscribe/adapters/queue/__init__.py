"""Carrying job ids: procrastinate on PostgreSQL, or inside this process."""
