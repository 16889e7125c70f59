"""Who makes the runs of a sweep, and how they are shared out."""
