"""How a sweep is kept in its folder."""
