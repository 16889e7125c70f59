"""What a reader sees of a comparison: the page, its pictures, the terminal's screen."""
