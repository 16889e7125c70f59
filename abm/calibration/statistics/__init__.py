"""The statistics of a calibration, as functions of arrays."""
