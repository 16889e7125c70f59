"""Rules of one's own for `own-rule.toml`: how firms that are due change their weights.

A rule sees numbers of its firm and of the firm's sector and a random number below 1, and returns the new technology
weight, the new optimisation weight and what the firm remembers until its next review.
"""


def adaptive(firm, sector, draw):
    """The policy `adaptive` said again: go on in one direction until the return has fallen. It is the memory, ±1."""
    direction = firm.memory
    if firm.R_smoothed < firm.R_reviewed:
        direction = -direction
    return firm.theta + 0.05 * direction, firm.omega, direction


def greedy(firm, sector, draw):
    """Spend on technology while behind the sector and safe, on the market while ahead or short of funds."""
    if firm.stress > 0.5:
        return firm.theta - 0.1, firm.omega - 0.05, firm.memory
    if sector.mean_T > firm.T:
        return firm.theta + 0.1, firm.omega + 0.05, firm.memory
    return firm.theta - 0.05, firm.omega, firm.memory
