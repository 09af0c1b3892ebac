"""One command brings everything up in order, keeps it up, and takes it down in order."""
