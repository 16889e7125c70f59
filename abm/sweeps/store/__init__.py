"""How a sweep is kept in its folder: parts while runs are made, tables at the end, and locks."""
