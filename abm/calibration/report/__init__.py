"""A calibration for a reader: a page, its pictures, and a screen of the terminal."""
