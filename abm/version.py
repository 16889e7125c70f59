"""The version of the package and that of the model, which stand below all that record them."""

__version__ = "0.1.0"
# Raised when a change gives other results for the same scenario and seed.
MODEL_VERSION = "3"
