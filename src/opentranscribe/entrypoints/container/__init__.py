"""What a container of the image runs: one service, told by its first argument."""
