"""One step: changes on the way, then all stages in their order, a function for each that is not of one firm alone."""

import math
from collections.abc import Callable
from copy import deepcopy
from fractions import Fraction
from types import SimpleNamespace

from tests.twin.firm import advance, challenge
from tests.twin.measures import all_slots, collect, growths, leader, mean
from tests.twin.starts import drawn_direction, drawn_traits, held, life, newborn, strategy_shares
from tests.twin.state import FLOOR_B, NAN, Draws, Firm, Market, Means, Place, Slots, Table

LIMIT = 1e9


def step(market: Market, draws: Draws) -> tuple[Table, list[Table]]:
    """All firms at once from the state at the step's start; the market's row and the sectors' rows."""
    market.step += 1
    change_on_the_way(market, draws)
    if market.step == 1:
        market.start_mean = mean([firm.T for firm in all_slots(market) if firm])
    means = [sector_means(slots) for slots in market.slots]
    for m, each in enumerate(means):
        if each.n:
            market.start_means.setdefault(m, each.T)
    vacant = [(m, i) for m, slots in enumerate(market.slots) for i, firm in enumerate(slots) if firm is None]
    B_before = {firm.id: firm.B for slots in market.slots for firm in slots if firm and firm.age >= 20}
    for m, slots in enumerate(market.slots):
        choose_anew(market, m, draws)
        for place, firm in enumerate(slots):
            if firm:
                advance(market, m, place, firm, means[m], draws)
    review(market, draws, means)
    exits = turnover_exits(market)
    entries = turnover_entries(market, vacant, means, draws)
    market.frontier = min(market.frontier / (1 - market.parameters["frontier_growth"]), 1e300)
    rows = collect(market, exits, entries)
    slots = all_slots(market)
    seen = {"T": mean([firm.T for firm in slots if firm]), "leader": leader(slots), "surplus": surplus(market)}
    ranked = slots[:: math.ceil(len(slots) / 500)]
    seen["B"] = {firm.id: firm.B for firm in ranked if firm}
    market.history.append({"row": rows[0], "growths": growths(market, B_before), **seen})
    for m, sector in enumerate(market.sectors):
        market.demand[m] = held(market.demand[m] * (1 + sector["demand_growth"]))
    return rows


def change_on_the_way(market: Market, draws: Draws) -> None:
    """Values as the changes make them at this step; demand factors and seeds take effect."""
    market.parameters, market.sectors, market.strategies = deepcopy(market.given)
    t = market.step
    for change in market.changes:
        if "seed" in change and t >= change["step"]:
            draws.reseed(change["seed"])
        for m in range(len(market.sectors)) if t == change["step"] else ():
            own = f"sectors.{market.sectors[m]['name']}.demand_factor"
            market.demand[m] = held(market.demand[m] * change.get(own, change.get("demand_factor", 1.0)))
        if change["step"] <= t < change.get("until", math.inf):
            for table, key, new in changed(market, change):
                part = Fraction(t - change["step"] + 1, change.get("ramp", 1))
                table[key] = new if part >= 1 else table[key] + (new - table[key]) * float(part)


def changed(market: Market, change: Table) -> list[tuple[Table, str, float]]:
    """The tables, keys and new values of a change; a dotted name goes before a key alone."""
    found = []
    for key in market.parameters:
        if key in change and key not in ("name", "changes"):
            found.append((market.parameters, key, change[key]))
    for kind, members in (("sectors", market.sectors), ("strategies", market.strategies)):
        given = market.given[("sectors", "strategies").index(kind) + 1]
        for member, before in zip(members, given, strict=True):
            for key in [*before, *({"network_effect", "churn"} - set(before) if kind == "sectors" else ())]:
                is_own = key in market.parameters and key in before  # which the market's value does not touch
                new = change.get(f"{kind}.{member['name']}.{key}", None if is_own else change.get(key))
                if new is not None and key != "name":
                    member.setdefault(key, market.parameters.get(key))
                    found.append((member, key, new))
    return found


def surplus(market: Market) -> float:
    """What the choice among all firms is worth: ln of the sum of attractiveness, weighted by demand."""
    served = [(D, sum(attractiveness(market, m))) for m, D in enumerate(market.demand) if any(market.slots[m])]
    return sum(D * math.log(A) for D, A in served) / sum(D for D, _ in served) if served else NAN


def attractiveness(market: Market, m: int) -> list[float]:
    sector = market.sectors[m]
    gamma, tau = sector["competitiveness_elasticity"], sector["quality_elasticity"]
    beta = own(market, m, "network_effect")
    return [firm.C**gamma * firm.Q**tau * firm.B**beta for firm in market.slots[m] if firm]


def own(market: Market, m: int, name: str) -> float:
    """What a sector has of its own or else from the market."""
    return market.sectors[m].get(name, market.parameters[name])


def sector_means(slots: Slots) -> Means:
    firms = [firm for firm in slots if firm]
    return Means(len(firms), mean([firm.T for firm in firms]), mean([firm.R for firm in firms]))


def choose_anew(market: Market, m: int, draws: Draws) -> None:
    """Stage 1: customers choose anew, and some come and go in lumps."""
    mu = own(market, m, "churn")
    firms = [firm for firm in market.slots[m] if firm]
    A = attractiveness(market, m)
    mean_B = mean([firm.B for firm in firms])
    for firm, a in zip(firms, A, strict=True):
        s = a / sum(A)
        firm.B = max(firm.B + mu * (market.demand[m] * s - firm.B), FLOOR_B)
    for place, firm in enumerate(market.slots[m]):
        if firm and market.parameters["demand_noise"]:
            lump(market.parameters, m, place, firm, mean_B, market.step, draws)


def lump(p: Table, m: int, place: int, firm: Firm, mean_B: float, step: int, draws: Draws) -> None:
    if draws.uniforms("lump_and_release", m, place, step)[0] < p["demand_noise_odds"]:
        zeta = draws.normals("lump_and_return", m, place, step)[0]
        a = p["demand_noise"] / math.sqrt(p["demand_noise_odds"]) * (firm.B / mean_B) ** -p["size_dependence"]
        a = min(2.0, a)
        firm.B = min(max(firm.B * math.exp(a * zeta - a * a / 2), FLOOR_B), 1e12)


def review(market: Market, draws: Draws, means: list[Means]) -> None:
    """Stage 7: all read θ, ω and the smoothed return as they stand before any review of this step."""
    for slots in market.slots:
        for firm in filter(None, slots):
            firm.age += 1
            firm.R_smoothed += 0.25 * (firm.R - firm.R_smoothed)
    for m, slots in enumerate(market.slots):
        seen = [firm and (firm.theta, firm.omega, firm.R_smoothed) for firm in slots]
        base = math.fsum(firm.B for firm in slots if firm)
        for place, firm in enumerate(slots):
            if firm is None or firm.age % market.parameters["review_interval"]:
                continue
            policy = market.strategies[firm.strategy]["policy"]
            if policy == "adaptive":
                adapt(firm, market.parameters["learning_step"])
            elif policy == "imitate":
                u = draws.uniforms("imitation", m, place, market.step)[0]
                imitate(firm, seen[math.floor(u * len(slots))])
            elif callable(policy):
                u = draws.uniforms("imitation", m, place, market.step)[0]
                follow(policy, market, m, firm, means[m], base, u)


def follow(rule: Callable, market: Market, m: int, firm: Firm, means: Means, base: float, draw: float) -> None:
    """A rule of the user's own; its memory is the firm's direction."""
    own = {"memory": firm.direction, "share": firm.B / base, "stress": challenge(market.parameters, firm)}
    sector = {name: market.sectors[m][name] for name in ("competitiveness_elasticity", "quality_elasticity")}
    sector |= {"mean_T": means.T, "mean_R": means.R, "firms": means.n, "demand": market.demand[m]}
    theta, omega, firm.direction = rule(SimpleNamespace(**vars(firm), **own), SimpleNamespace(**sector), draw)
    firm.theta, firm.omega = min(max(theta, 0.05), 0.95), min(max(omega, 0.05), 0.95)
    firm.R_reviewed = firm.R_smoothed


def adapt(firm: Firm, eta: float) -> None:
    if firm.R_smoothed < firm.R_reviewed:
        firm.direction = -firm.direction
    firm.R_reviewed = firm.R_smoothed
    firm.theta = min(max(firm.theta + eta * firm.direction, 0.05), 0.95)


def imitate(firm: Firm, model: tuple[float, float, float] | None) -> None:
    if model is None:
        return
    theta, omega, R_smoothed = model
    if R_smoothed > firm.R_smoothed:
        firm.theta += 0.5 * (theta - firm.theta)
        firm.omega += 0.5 * (omega - firm.omega)


def turnover_exits(market: Market) -> list[list[str]]:
    """Stage 8, exits (stage 6 says which) vacate; the reasons of each sector's exits."""
    exits: list[list[str]] = [[] for _ in market.slots]
    for m, slots in enumerate(market.slots):
        for place, firm in enumerate(slots):
            if firm is None:
                continue
            diverged = max(firm.T, firm.C, firm.P, firm.Q) > LIMIT
            if diverged or firm.F < 0:
                exits[m].append("diverged" if diverged else "failed")
                market.lives[firm.id].exit_step = market.step
                market.lives[firm.id].reason = exits[m][-1]
                slots[place] = None
    return exits


def turnover_entries(market: Market, vacant: list[Place], means: list[Means], draws: Draws) -> list[int]:
    """Stage 8, slots that were vacant at the step's start are filled; the number of each sector's entries."""
    entries = [0] * len(market.slots)
    for m, place in vacant:
        profit = means[m].R if means[m].n else 1.0
        probability = min(1.0, market.parameters["entry_rate"] * profit)
        if probability == 0:
            continue
        u_fill, u_strategy = draws.uniforms("entry", m, place, market.step)
        if u_fill < probability:
            firm = entrant(market, m, place, chosen_strategy(market, u_strategy), means[m], draws)
            market.slots[m][place] = firm
            market.lives.append(life(market, firm, m))
            market.next_id += 1
            entries[m] += 1
    return entries


def chosen_strategy(market: Market, u: float) -> int:
    shares = strategy_shares(market)
    for i in range(len(shares)):
        if sum(shares[: i + 1]) > u:
            return i
    return max(i for i, share in enumerate(shares) if share > 0)  # rounding left the last sum below u


def entrant(market: Market, m: int, place: int, strategy: int, means: Means, draws: Draws) -> Firm:
    p = market.parameters
    traits = drawn_traits(market, m, place, draws)
    iota = p["entrant_catch_up"]
    if means.n:
        traits["T0"] = (1 - iota) * traits["T0"] + iota * means.T
    B = p["entrant_base"] * market.demand[m] / max(means.n, 1)
    direction = drawn_direction(market, m, place, draws)
    return newborn(market, market.next_id, strategy, traits, B, direction)
