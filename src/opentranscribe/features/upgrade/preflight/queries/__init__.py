"""Everything a preflight asks of PostgreSQL; it reads only, and waits for nobody."""
