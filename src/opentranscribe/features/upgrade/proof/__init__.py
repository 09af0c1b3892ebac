"""Live probes: what people do with a running installation, done for real, in seconds."""
