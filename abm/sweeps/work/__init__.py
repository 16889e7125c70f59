"""How runs are made: the driver hands chunks to workers, which an executor has started."""
