"""How a release is installed, switched and run on one machine: the port ``deployment``, embedded."""
