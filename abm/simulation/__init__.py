"""Running a market, and what comes of it."""
