"""Speech recognition on this machine: faster-whisper behind the ``asr`` port, and its double."""
