"""Work that outlives a request: leases, steps, retries, progress; it knows no kind of work itself.

Owns job, job_step and process_heartbeat. A feature describes a :class:`~.kinds.Kind` and bootstrap
registers it. A job exists iff its row was committed; the queue only carries its id. Whoever works
at it holds a lease, renewed every second, and every write checks that the lease is still theirs,
so that two workers at one job can never both write.
"""
