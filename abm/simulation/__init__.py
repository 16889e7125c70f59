"""Running a market, and the results of a run."""
