"""Every statement of the feature: on the database aside, the live one, and for its jobs."""
