"""What defines a market: parameters, sectors, strategies, and the files that hold them."""
