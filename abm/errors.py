"""The one exception that every refusal of bad input raises."""


class InputError(ValueError):
    """Bad input from outside: the message names the thing, the value and what is allowed.

    The command line prints the message and ends with exit code 2.
    """
