"""``opentr``: one file per group of commands."""
