"""What the model adds to the article's equations, one line each with its symbol and its section.

From Python the formulas take numbers and, where they do not say otherwise, arrays; kernels call the same lines
compiled, and give them eight firms at once.
T, C, R, Q, B, F, θ are those of a firm: technology, competitiveness, return, quality, customer base, funds and
technology weight. Where a division can wait the formula gives its result times T0, and says so.
"""

import numpy as np

from abm.numerics.compilation import formula
from abm.numerics.elementwise import fma, maximum, minimum, root, select
from abm.numerics.vectormath import exp, exp2, log2


@formula
def attractiveness(C, Q, log2_B, gamma, tau, beta):
    """Stage 1, §2.2.1 and §3.3: A = C^γ·Q^τ·B^β, with B as its binary logarithm; from Python of single numbers only.

    Examples
    --------
    >>> round(float(attractiveness(2.0, 3.0, 0.0, 1.0, 2.0, 0.5)), 12)
    18.0
    """
    return exp2(fma(beta, log2_B, fma(tau, log2(Q), gamma * log2(C))))


@formula
def lump_size(s_B, p, nu, B, mean_B):
    """Stage 1: a = min(2, s_B/√p·(B/B̄)^−ν), the spread of the lumps of a firm; from Python of single numbers only.

    Examples
    --------
    >>> float(lump_size(0.1, 0.25, 0.5, 4.0, 1.0)), float(lump_size(1.0, 0.01, 0.0, 1.0, 1.0))
    (0.1, 2.0)
    """
    return minimum(2.0, s_B / root(p) * exp2(-nu * log2(B / mean_B)))


@formula
def lump(a, zeta):
    """Stage 1: exp(a·ζ − a²/2), the factor of a lump on B, with mean 1; from Python of single numbers only.

    Examples
    --------
    >>> float(lump(2.0, 1.0))
    1.0
    """
    return exp(a * (zeta - 0.5 * a))


@formula
def frontier_cost(xi, mean_T, start_T):
    """Stage 1, §3.3: f = (T̂/T̂_start)^ξ, Sutton's endogenous sunk cost; from Python of single numbers only.

    Examples
    --------
    >>> round(float(frontier_cost(2.0, 3.0, 1.5)), 12), float(frontier_cost(0.0, 3.0, 1.5))
    (4.0, 1.0)
    """
    return exp2(xi * (log2(mean_T) - log2(start_T)))


@formula
def serving_cost(rho, w, f):
    """Stage 1, §2.2.3: (1 − w)·f + w·ρ, the cost of sales ρ, a share w of it variable; realised demand d is ρ over it.

    Examples
    --------
    >>> serving_cost(3.0, 0.5, 1.0), serving_cost(3.0, 1.0, 1.0), serving_cost(3.0, 0.5, 3.0)
    (2.0, 3.0, 3.0)
    """
    return fma(w, rho, (1.0 - w) * f)


@formula
def stress(F, runway):
    """Stage 2, §2.2.3: H = clip(1 − F/F̄, 0, 1), the commercialisation challenge; 0 with an infinite runway F̄.

    Examples
    --------
    >>> float(stress(2.0, 8.0)), float(stress(9.0, 8.0))
    (0.75, 0.0)
    """
    return select(runway < np.inf, minimum(maximum(fma(F, -1.0 / runway, 1.0), 0.0), 1.0), 0.0)


@formula
def lead(T, T0):
    """Stage 3, §2.2.1: T0·ℓ = max(0, T − T0), how far technology is above its baseline.

    Examples
    --------
    >>> float(lead(3.0, 2.0)), float(lead(1.0, 2.0))
    (1.0, 0.0)
    """
    return maximum(0.0, T - T0)


@formula
def innovation_speed(phi, lead, T0):
    """Stage 3, §2.2.1: V = 1 / (1 + φℓ), over-accumulation slows innovation; `lead` is T0·ℓ.

    Examples
    --------
    >>> innovation_speed(0.5, 4.0, 2.0)
    0.5
    """
    return T0 / fma(phi, lead, T0)


@formula
def research_cost(kappa, theta, lead, T0):
    """Stage 3, §3.3: T0·c, with c = 1 + κ·2θ·ℓ for what R&D adds to a firm's cost; `lead` is T0·ℓ.

    Examples
    --------
    >>> research_cost(0.5, 0.5, 2.0, 1.0)
    2.0
    """
    return fma(2.0 * kappa * theta, lead, T0)


@formula
def shared_out(p, weight, strain):
    """Stage 4, §2.2.3: G = a·p of a gain p > 0 with a = weight·(1 − χH), else (1 + χH)·p; `strain` is χH.

    Examples
    --------
    >>> float(shared_out(2.0, 1.5, 0.5)), float(shared_out(-2.0, 1.5, 0.5))
    (1.5, -3.0)
    """
    return p * select(p > 0.0, weight * (1.0 - strain), 1.0 + strain)


@formula
def initial_state(baseline, x0, floor):
    """Start and stage 8, §4.2: max(baseline·(1 + x0), floor), a firm's first T, C or P, with initial momentum x0.

    Examples
    --------
    >>> float(initial_state(2.0, 0.5, 1e-6)), float(initial_state(0.0, 0.5, 1e-6))
    (3.0, 1e-06)
    """
    return maximum(baseline * (1.0 + x0), floor)


@formula
def towards(x, target, speed):
    """Stages 1, 5 and 7: x + v·(x* − x), a share v of the way to the target.

    Examples
    --------
    >>> towards(1.0, 3.0, 0.25)
    1.5
    """
    return fma(speed, target - x, x)


@formula
def spillover(sigma, T, mean_T):
    """Stage 5, §3.2: σ·max(0, T̂ − T), what a firm behind its sector's mean learns from papers and open code.

    Examples
    --------
    >>> float(spillover(0.5, 1.0, 3.0)), float(spillover(0.5, 4.0, 3.0))
    (1.0, 0.0)
    """
    return sigma * maximum(0.0, mean_T - T)


@formula
def shipped(omega, V, speed):
    """Stage 5, §2.2.2: min(1, 2ω·V·v), the share of the gap between technology and quality that is deployed; v = v_Q/r.

    Examples
    --------
    >>> float(shipped(0.5, 0.5, 0.5)), float(shipped(0.75, 1.0, 1.0))
    (0.25, 1.0)
    """
    return minimum(1.0, 2.0 * omega * V * speed)


@formula
def shaken(x, s, epsilon):
    """Stage 5: x·max(0, 1 + s·ε), a return after its shock.

    Examples
    --------
    >>> float(shaken(2.0, 0.5, 1.0)), float(shaken(2.0, 0.5, -3.0))
    (3.0, 0.0)
    """
    return x * maximum(0.0, fma(s, epsilon, 1.0))


@formula
def moved_frontier(frontier, g):
    """Stage 9, §3.2: Φ / (1 − g), at most 1e300, the frontier to which technology and quality are relative.

    Examples
    --------
    >>> float(moved_frontier(1.0, 0.2)), float(moved_frontier(1e300, 0.2))
    (1.25, 1e+300)
    """
    return minimum(frontier / (1.0 - g), 1e300)


@formula
def outside_capital(psi, T, mean_T):
    """Stage 6, §3.2: ψ·max(0, T/T̂ − 1), capital follows technology above the sector's mean.

    Examples
    --------
    >>> float(outside_capital(0.5, 3.0, 2.0)), float(outside_capital(0.5, 1.0, 2.0))
    (0.25, 0.0)
    """
    return psi * maximum(0.0, fma(T, 1.0 / mean_T, -1.0))


@formula
def largest_state(T, C, P, Q):
    """Stage 8: the largest of a firm's states, by which it diverges.

    Examples
    --------
    >>> float(largest_state(1.0, 4.0, 2.0, 3.0))
    4.0
    """
    return maximum(maximum(T, C), maximum(P, Q))
