"""Live notices: through PostgreSQL between processes, through memory within one."""
