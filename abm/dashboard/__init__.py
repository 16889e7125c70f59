"""A page in the browser on which a market is seen before it is swept: `abm dashboard`."""
