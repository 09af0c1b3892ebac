"""Who speaks when: engines behind the diarization port."""
