"""What the model adds to the article's equations, one line each with its symbol and its section.

The formulas take numbers, and arrays element by element; kernels call the same lines compiled. T, C, R, Q, B, F, θ are
those of a firm: technology, competitiveness, return, quality, customer base, funds and technology weight.
"""

import numpy as np

from abm.numerics.compilation import formula
from abm.numerics.elementwise import maximum, minimum, select
from abm.numerics.vectormath import exp, log


@formula
def attractiveness(C, Q, ln_B, gamma, tau, beta):
    """Stage 1, §2.2.1 and §3.3: A = C^γ·Q^τ·B^β, with B as its logarithm; of numbers alone.

    Examples
    --------
    >>> round(float(attractiveness(2.0, 3.0, 0.0, 1.0, 2.0, 0.5)), 12)
    18.0
    """
    return exp(gamma * log(C) + tau * log(Q) + beta * ln_B)


@formula
def realised_demand(rho, w):
    """Stage 1, §2.2.3: d = ρ / (1 − w + w·ρ), sales ρ over the cost of serving them, a share w of which is variable.

    Examples
    --------
    >>> realised_demand(3.0, 0.5), realised_demand(3.0, 1.0)
    (1.5, 1.0)
    """
    return rho / (1.0 - w + w * rho)


@formula
def stress(F, runway):
    """Stage 2, §2.2.3: H = clip(1 − F/F̄, 0, 1), the commercialisation challenge; 0 with an infinite runway F̄.

    Examples
    --------
    >>> float(stress(2.0, 8.0)), float(stress(9.0, 8.0))
    (0.75, 0.0)
    """
    return select(runway < np.inf, minimum(maximum(1.0 - F / runway, 0.0), 1.0), 0.0)


@formula
def lead(T, T0):
    """Stage 3, §2.2.1: ℓ = max(0, T/T0 − 1), how far technology is above its baseline.

    Examples
    --------
    >>> float(lead(3.0, 2.0)), float(lead(1.0, 2.0))
    (0.5, 0.0)
    """
    return maximum(0.0, T / T0 - 1.0)


@formula
def innovation_speed(phi, lead):
    """Stage 3, §2.2.1: V = 1 / (1 + φℓ), over-accumulation slows innovation.

    Examples
    --------
    >>> innovation_speed(0.5, 2.0)
    0.5
    """
    return 1.0 / (1.0 + phi * lead)


@formula
def research_cost(kappa, theta, lead):
    """Stage 3, §3.3: c = 1 + κ·2θ·ℓ, what R&D adds to a firm's cost.

    Examples
    --------
    >>> research_cost(0.5, 0.5, 2.0)
    2.0
    """
    return 1.0 + 2.0 * kappa * theta * lead


@formula
def shared_out(p, weight, strain):
    """Stage 4, §2.2.3: G = a·p of a gain p > 0 with a = weight·(1 − χH), else (1 + χH)·p; `strain` is χH.

    Examples
    --------
    >>> float(shared_out(2.0, 1.5, 0.5)), float(shared_out(-2.0, 1.5, 0.5))
    (1.5, -3.0)
    """
    return select(p > 0.0, weight * (1.0 - strain) * p, (1.0 + strain) * p)


@formula
def initial_state(baseline, x0, floor):
    """§4.2: max(baseline·(1 + x0), floor), the T, C or P of a firm as it starts, with initial momentum x0.

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
    return x + speed * (target - x)


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
    """Stage 5, §2.2.2: min(1, 2ω·V·v_Q), the share of the gap between technology and quality that is deployed.

    Examples
    --------
    >>> float(shipped(0.5, 0.5, 0.5)), float(shipped(0.75, 1.0, 1.0))
    (0.25, 1.0)
    """
    return minimum(1.0, 2.0 * omega * V * speed)


@formula
def outside_capital(psi, T, mean_T):
    """Stage 6, §3.2: ψ·max(0, T/T̂ − 1), capital follows technology above the sector's mean.

    Examples
    --------
    >>> float(outside_capital(0.5, 3.0, 2.0)), float(outside_capital(0.5, 1.0, 2.0))
    (0.25, 0.0)
    """
    return psi * maximum(0.0, T / mean_T - 1.0)


@formula
def largest_state(T, C, P, Q):
    """Stage 8: the largest of a firm's states, by which it diverges.

    Examples
    --------
    >>> float(largest_state(1.0, 4.0, 2.0, 3.0))
    4.0
    """
    return maximum(maximum(T, C), maximum(P, Q))
