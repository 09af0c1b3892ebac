"""From any schema near a known one to the head's, without losing a row."""
