"""Regimes: the words for a market's structure and growth, and the concentration from which each structure begins."""

# Structure by the HHI within sectors: the least value of each, in falling order. The US merger guidelines of 2023 call
# a market moderately concentrated from 1,000 and highly concentrated from 1,800; one firm with 80 % of it has 6,400.
LEAST_HHI = {"monopoly": 6400, "oligopoly": 1800, "moderate": 1000}
LARGEST_HHI = 10_000  # one firm alone
COLLAPSED, FRAGMENTED = "collapsed", "fragmented"  # without any firm; below all bounds
STRUCTURES = (COLLAPSED, *LEAST_HHI, FRAGMENTED)
VIRTUOUS, STAGNANT, VICIOUS = GROWTHS = ("virtuous", "stagnant", "vicious")
