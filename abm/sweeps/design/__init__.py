"""What a sweep runs: its design, and the plan of points and runs that follows from it."""
