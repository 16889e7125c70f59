"""Batch systems: what differs between them, how their commands are called, and how a number of jobs is kept queued."""
