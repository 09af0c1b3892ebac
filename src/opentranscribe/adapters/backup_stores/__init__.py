"""Where copies of backups go."""
