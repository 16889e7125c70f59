"""What every refusal of bad input raises, and what ends work for a reason outside of it."""


class InputError(ValueError):
    """Bad input from outside: the message names the thing, the value and what is allowed.

    The command line prints the message and ends with exit code 2.
    """


class Stopped(Exception):
    """Work that cannot go on for a reason outside of it; the message is one line for the user."""
