"""Look before an update: everything that could go wrong and can be known beforehand, in seconds."""
