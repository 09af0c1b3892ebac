"""Opening hostile media: PyAV in a child process that may read one file and reach nothing else."""
