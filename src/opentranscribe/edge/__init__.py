"""What every HTTP route shares: who is calling, one transaction, problems as problem+json."""
