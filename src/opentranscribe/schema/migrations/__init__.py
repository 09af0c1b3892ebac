"""How a database reaches the shape this release needs: a chain of revisions and its runner."""
