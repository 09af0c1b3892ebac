"""How this program connects to PostgreSQL."""
