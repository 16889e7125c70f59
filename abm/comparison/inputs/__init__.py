"""What is compared: runs, sweeps and frames, read into one table of outcomes."""
