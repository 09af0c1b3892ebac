"""What is worth saying about the facts: pure decisions, one function a check."""
