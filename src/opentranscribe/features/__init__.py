"""What the product does, one folder per feature; each reads top to bottom in a few files."""
