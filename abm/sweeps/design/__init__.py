"""What a sweep runs: its design, and the plan of design points and runs made of it."""
