"""What a dump's text, a foreign ``.env`` and stored secrets mean; nothing here reads or writes."""
