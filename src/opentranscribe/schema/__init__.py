"""The shape of the truth: PostgreSQL tables as mapped classes, one module per table family."""
