"""A plain twin of the model: slow, one firm at a time, a function for each stage.

Written from the specification alone, in its words and symbols, so that the compiled kernels can be held
against it. Randomness is injected: `draws` has `normals` and `uniforms`, each taking (process, sector, place,
step) and returning a pair. The start is step 0; a place is a position among its sector's slots.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from itertools import combinations, count, pairwise
from statistics import linear_regression
from typing import Any, NamedTuple, Protocol

NAN = math.nan
FLOOR_B, FLOOR, LIMIT = 1e-9, 1e-6, 1e9
QUANTILES = (("q10", 0.1), ("q50", 0.5), ("q90", 0.9))

Table = dict[str, Any]  # parameters, a sector, a strategy or a row, by name
Pair = tuple[float, float]
Place = tuple[int, int]  # sector, position among its slots


class Draws(Protocol):
    def normals(self, process: str, sector: int, place: int, step: int) -> Pair: ...

    def uniforms(self, process: str, sector: int, place: int, step: int) -> Pair: ...


@dataclass
class Firm:
    id: int
    strategy: int
    T0: float
    C0: float
    R0: float
    k1: float
    k2: float
    k3: float
    theta: float
    omega: float
    T: float
    C: float
    P: float
    R: float
    Q: float
    B: float
    F: float
    direction: int
    R_smoothed: float
    R_reviewed: float
    age: int = 0


Slots = list[Firm | None]
NUMBERS = {column.name for column in fields(Firm)} - {"id", "strategy"}


@dataclass
class Life:
    id: int
    sector: str
    strategy: str
    entry_step: int
    firm: Firm  # as it was last
    weights: Pair  # θ and ω as it came
    exit_step: int | None = None
    reason: str | None = None
    peak_share: float = 0.0


@dataclass
class Market:
    parameters: Table
    sectors: list[Table]
    strategies: list[Table]
    slots: list[Slots]
    demand: list[float]
    step: int = 0
    start_mean: float = NAN
    next_id: int = 0
    lives: list[Life] = field(default_factory=list)  # by id
    history: list[Table] = field(default_factory=list)  # of each step its row and its growths
    # of the step before, by sector and None for the market: the shares of the slots and the leader's id
    shares: dict[int | None, list[float]] = field(default_factory=dict)
    leaders: dict[int | None, int | None] = field(default_factory=dict)


class Means(NamedTuple):
    """What the stages read of a sector as it was at the step's start."""

    n: int
    T: float
    R: float


# ---------------------------------------------------------------------------------------------- the start


def normalised(weights: Sequence[float]) -> list[Fraction]:
    """Exact shares of weights as written: a tie must not hang on how 0.1 is rounded."""
    exact = [Fraction(repr(float(weight))) for weight in weights]
    return [weight / sum(exact) for weight in exact]


def largest_remainder(shares: Sequence[Fraction], total: int) -> list[int]:
    """Split `total` in proportion to `shares`; the largest remainders get one more, ties to the earlier."""
    quotas = [share * total for share in shares]
    counts = [math.floor(quota) for quota in quotas]
    order = sorted(range(len(quotas)), key=lambda i: (counts[i] - quotas[i], i))
    for i in order[: total - sum(counts)]:
        counts[i] += 1
    return counts


def held(demand: float) -> float:
    return min(max(demand, 1e-9), 1e12)


def demand_shares(sectors: list[Table]) -> list[float]:
    return normalised([sector["demand_share"] for sector in sectors])


def strategy_shares(market: Market) -> list[float]:
    return normalised([strategy["weight"] for strategy in market.strategies])


def initial_counts(slots: list[int], shares: list[float], firms: int) -> list[int]:
    """The initial firms of each sector; what exceeds its slots goes to the sector with most free slots."""
    counts = [min(count, room) for count, room in zip(largest_remainder(shares, firms), slots, strict=True)]
    for _ in range(firms - sum(counts)):
        free = [room - count for room, count in zip(slots, counts, strict=True)]
        counts[free.index(max(free))] += 1
    return counts


def deal(market: Market, m: int, n_m: int, draws: Draws) -> list[int]:
    """The strategies of a sector's initial firms: counts by weight, in shuffled order."""
    counts = largest_remainder(strategy_shares(market), n_m)
    dealt = [strategy for strategy, times in enumerate(counts) for _ in range(times)]
    keys = sorted((draws.uniforms("deal", m, place, 0)[0], place) for place in range(n_m))
    strategies = [0] * n_m
    for (_, place), strategy in zip(keys, dealt, strict=True):
        strategies[place] = strategy
    return strategies


def medians(market: Market, m: int) -> dict[str, float]:
    traits = {name: market.parameters[name] for name in ("T0", "C0", "R0", "k1", "k2", "k3")}
    traits["k3"] *= market.sectors[m]["monetisation"]
    return traits


def drawn_traits(market: Market, m: int, place: int, draws: Draws) -> dict[str, float]:
    h = market.parameters["heterogeneity"]
    if h == 0:
        return medians(market, m)
    processes = ("baselines", "return_and_k1", "k2_and_k3")
    noise = [z for process in processes for z in draws.normals(process, m, place, market.step)]
    return {name: x * math.exp(h * z) for (name, x), z in zip(medians(market, m).items(), noise, strict=True)}


def drawn_direction(market: Market, m: int, place: int, draws: Draws) -> int:
    return -1 if draws.uniforms("direction", m, place, market.step)[0] < 0.5 else 1


def newborn(market: Market, id: int, strategy: int, traits: Table, B: float, direction: int) -> Firm:
    p, chosen = market.parameters, market.strategies[strategy]
    momentum = 1 + p["initial_momentum"]
    T, C, R = traits["T0"] * momentum, traits["C0"] * momentum, traits["R0"] * momentum
    theta, omega = chosen["technology_weight"], chosen["optimisation_weight"]
    state = {"T": T, "C": C, "P": R, "R": R, "Q": T, "B": max(B, FLOOR_B), "F": p["runway"]}
    weights = {"theta": theta, "omega": omega, "direction": direction}
    return Firm(id=id, strategy=strategy, **traits, **state, **weights, R_smoothed=R, R_reviewed=R)


def begin(market: Market) -> Market:
    """Record the initial firms and what the first step compares itself with."""
    places = [(firm, m) for m, slots in enumerate(market.slots) for firm in slots if firm]
    for firm, m in sorted(places, key=lambda pair: pair[0].id):
        market.lives.append(life(market, firm, m))
    market.next_id = len(places)
    remember(market)
    return market


def start(parameters: Table, sectors: list[Table], strategies: list[Table], draws: Draws) -> Market:
    """The start by draws."""
    shares = demand_shares(sectors)
    rooms = largest_remainder(shares, parameters["capacity"])
    demand = [held(share * parameters["market_size"]) for share in shares]
    market = Market(parameters, sectors, strategies, [[None] * room for room in rooms], demand)
    ids = count()
    for m, n_m in enumerate(initial_counts(rooms, shares, parameters["initial_firms"])):
        for place, strategy in enumerate(deal(market, m, n_m, draws)):
            traits = drawn_traits(market, m, place, draws)
            direction = drawn_direction(market, m, place, draws)
            market.slots[m][place] = newborn(market, next(ids), strategy, traits, demand[m] / n_m, direction)
    return begin(market)


def table_firm(market: Market, id: int, m: int, strategy: int, row: Mapping[str, Any], B: float) -> Firm:
    """A firm of a table; a missing column takes what a draw without noise would give."""
    given = {name: float(row[name]) for name in NUMBERS & set(row)}
    traits = {name: given.get(name, median) for name, median in medians(market, m).items()}
    firm = newborn(market, id, strategy, traits, B, direction=1)
    for name, value in given.items():
        setattr(firm, name, value)
    follows = {"P": firm.R, "Q": firm.T, "R_smoothed": firm.R, "R_reviewed": firm.R}
    for name in set(follows) - set(given):
        setattr(firm, name, follows[name])
    firm.age, firm.direction, firm.B = int(firm.age), int(firm.direction), max(firm.B, FLOOR_B)
    if math.isinf(market.parameters["runway"]):
        firm.F = math.inf
    return firm


def table_rooms(counts: list[int], shares: list[float], capacity: int) -> list[int]:
    """As many slots as rows; the rest one by one to the sector with the largest capacity·share - slots."""
    rooms = list(counts)
    for _ in range(capacity - sum(counts)):
        lack = [capacity * share - room for share, room in zip(shares, rooms, strict=True)]
        rooms[lack.index(max(lack))] += 1
    return rooms


def start_from_rows(
    parameters: Table, sectors: list[Table], strategies: list[Table], rows: Sequence[Mapping[str, Any]]
) -> Market:
    """The start from a firm table."""
    shares = demand_shares(sectors)
    size = parameters.get("market_size")
    demand = [held(share * (len(rows) if size is None else size)) for share in shares]
    sector_names = [sector["name"] for sector in sectors]
    strategy_names = [strategy["name"] for strategy in strategies]
    members = [sector_names.index(row["sector"]) for row in rows]
    counts = [members.count(m) for m in range(len(sectors))]
    rooms = table_rooms(counts, shares, max(parameters["capacity"], len(rows)))
    market = Market(parameters, sectors, strategies, [[None] * room for room in rooms], demand)
    for id, (row, m) in enumerate(zip(rows, members, strict=True)):
        strategy, place = strategy_names.index(row["strategy"]), market.slots[m].index(None)
        market.slots[m][place] = table_firm(market, id, m, strategy, row, demand[m] / counts[m])
    return begin(market)


# ---------------------------------------------------------------------------------------------- one step


def step(market: Market, draws: Draws) -> tuple[Table, list[Table]]:
    """All firms at once from the state at the step's start; the market's row and the sectors' rows."""
    market.step += 1
    if market.step == 1:
        market.start_mean = mean([firm.T for firm in all_slots(market) if firm])
    means = [sector_means(slots) for slots in market.slots]
    vacant = [(m, i) for m, slots in enumerate(market.slots) for i, firm in enumerate(slots) if firm is None]
    B_before = {firm.id: firm.B for slots in market.slots for firm in slots if firm}
    for m, slots in enumerate(market.slots):
        choose_anew(market, m)
        for place, firm in enumerate(slots):
            if firm:
                advance(market, m, place, firm, means[m], draws)
    review(market, draws)
    exits = turnover_exits(market)
    entries = turnover_entries(market, vacant, means, draws)
    rows = collect(market, exits, entries)
    slots = all_slots(market)
    seen = {"T": mean([firm.T for firm in slots if firm]), "leader": leader(slots), "surplus": surplus(market)}
    ranked = slots[:: math.ceil(len(slots) / 500)]
    seen["B"] = {firm.id: firm.B for firm in ranked if firm}
    market.history.append({"row": rows[0], "growths": growths(market, B_before), **seen})
    for m, sector in enumerate(market.sectors):
        market.demand[m] = held(market.demand[m] * (1 + sector["demand_growth"]))
    return rows


def surplus(market: Market) -> float:
    """What the choice among all firms is worth: ln of the sum of attractiveness, weighted by demand."""
    served = [(D, sum(attractiveness(market, m))) for m, D in enumerate(market.demand) if any(market.slots[m])]
    return sum(D * math.log(A) for D, A in served) / sum(D for D, _ in served) if served else NAN


def attractiveness(market: Market, m: int) -> list[float]:
    p, sector = market.parameters, market.sectors[m]
    gamma, tau, beta = sector["competitiveness_elasticity"], sector["quality_elasticity"], p["network_effect"]
    return [firm.C**gamma * firm.Q**tau * firm.B**beta for firm in market.slots[m] if firm]


def sector_means(slots: Slots) -> Means:
    firms = [firm for firm in slots if firm]
    return Means(len(firms), mean([firm.T for firm in firms]), mean([firm.R for firm in firms]))


def choose_anew(market: Market, m: int) -> None:
    """Stage 1: customers choose anew."""
    mu = market.parameters["churn"]
    firms = [firm for firm in market.slots[m] if firm]
    A = attractiveness(market, m)
    for firm, a in zip(firms, A, strict=True):
        s = a / sum(A)
        firm.B = max(firm.B + mu * (market.demand[m] * s - firm.B), FLOOR_B)


def advance(market: Market, m: int, place: int, firm: Firm, means: Means, draws: Draws) -> None:
    """Stages 2 to 6 of one firm; its B is already the new one, all else is of the step's start."""
    p = market.parameters
    H = challenge(p, firm)
    V, c = innovation(p, firm)
    targets = target_levels(p, firm, H, V)
    epsilon = (0.0, 0.0)
    if p["technology_noise"] or p["competitiveness_noise"]:
        epsilon = draws.normals("shock", m, place, market.step)
    adjust(p, firm, targets, V, c, means, epsilon)
    funds(p, firm, means)


def challenge(p: Table, firm: Firm) -> float:
    """Stage 2: the stress H of a firm short of funds."""
    runway = p["runway"]
    return 0.0 if math.isinf(runway) else min(max(1 - firm.F / runway, 0.0), 1.0)


def innovation(p: Table, firm: Firm) -> Pair:
    """Stage 3: innovation speed V and the cost c."""
    lead = max(0.0, firm.T / firm.T0 - 1)
    return 1 / (1 + p["innovation_drag"] * lead), 1 + p["technology_cost"] * 2 * firm.theta * lead


def pull(reading: str, k: float, y: float, y0: float) -> float:
    return k * y if reading == "increment" else k * y * (y - y0)


def saturated(x: float, K: float) -> float:
    return x / (1 + abs(x) / K)


def target_levels(p: Table, firm: Firm, H: float, V: float) -> tuple[float, float, float]:
    """Stage 4: T*, C*, P*. Gains are shared out by the weights; stress cuts gains and deepens losses."""
    reading, chi = p["reading"], p["stress_response"]
    theta, omega = firm.theta, firm.omega

    def G(pulled: float, a: float) -> float:
        return a * pulled if pulled > 0 else (1 + chi * H) * pulled

    if reading == "literal":
        anchor_T, anchor_C, anchor_P = firm.T0, firm.C0, firm.R0
    else:
        anchor_T, anchor_C, anchor_P = firm.T, firm.C, firm.P
    p_T = pull(reading, firm.k1, firm.C, firm.C0)
    p_C = pull(reading, firm.k2, firm.R, firm.R0)
    p_P = pull(reading, firm.k3, firm.T, firm.T0)
    gain_T = G(p_T, 2 * theta * (1 - chi * H))
    gain_C = G(p_C, 2 * (1 - theta) * 2 * (1 - omega) * V * (1 - chi * H))
    return (
        anchor_T + saturated(gain_T, p["technology_ceiling"]),
        anchor_C + saturated(gain_C, p["competitiveness_ceiling"]),
        anchor_P + saturated(p_P, p["return_ceiling"]),
    )


def adjust(p: Table, firm: Firm, targets: Sequence[float], V: float, c: float, means: Means, e: Pair) -> None:
    """Stage 5, the shocks e already drawn."""
    T, C, P, Q = firm.T, firm.C, firm.P, firm.Q
    T_star, C_star, P_star = targets
    rho, w = firm.B, p["variable_cost_share"]
    d = rho / (1 - w + w * rho)
    shipped = min(1.0, 2 * firm.omega * V * p["optimisation_speed"])
    T_new = T + p["technology_speed"] * (T_star - T) + p["spillover"] * max(0.0, means.T - T)
    C_new = C + p["competitiveness_speed"] * (C_star - C)
    firm.P = max(P + p["return_speed"] * (P_star - P), 0.0)
    firm.R = d / c * firm.P
    firm.Q = max(Q + shipped * (T - Q) - p["quality_decay"] * Q, FLOOR)
    firm.T = max(T_new * (1 + p["technology_noise"] * e[0]), FLOOR)
    firm.C = max(C_new * (1 + p["competitiveness_noise"] * e[1]), FLOOR)


def funds(p: Table, firm: Firm, means: Means) -> None:
    """Stage 6; outside capital follows technology."""
    outside = p["outside_capital"] * max(0.0, firm.T / means.T - 1)
    firm.F = min(firm.F + firm.R - 1 + outside, p["funds_cap"] * p["runway"])


def review(market: Market, draws: Draws) -> None:
    """Stage 7: all read θ, ω and the smoothed return as they stand before any review of this step."""
    for slots in market.slots:
        for firm in filter(None, slots):
            firm.age += 1
            firm.R_smoothed += 0.25 * (firm.R - firm.R_smoothed)
    for m, slots in enumerate(market.slots):
        seen = [firm and (firm.theta, firm.omega, firm.R_smoothed) for firm in slots]
        for place, firm in enumerate(slots):
            if firm is None or firm.age % market.parameters["review_interval"]:
                continue
            policy = market.strategies[firm.strategy]["policy"]
            if policy == "adaptive":
                adapt(firm, market.parameters["learning_step"])
            elif policy == "imitate":
                u = draws.uniforms("imitation", m, place, market.step)[0]
                imitate(firm, seen[math.floor(u * len(slots))])


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


def life(market: Market, firm: Firm, m: int) -> Life:
    sector, strategy = market.sectors[m]["name"], market.strategies[firm.strategy]["name"]
    return Life(firm.id, sector, strategy, market.step, firm, (firm.theta, firm.omega))


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


# ---------------------------------------------------------------------------------------------- collected


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else NAN


def sd(values: Sequence[float]) -> float:
    centre = mean(values)
    return math.sqrt(mean([(value - centre) ** 2 for value in values])) if values else NAN


def quantile(values: Sequence[float], q: float) -> float:
    if not values:
        return NAN
    ordered = sorted(values)
    position = q * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def gini(values: Sequence[float]) -> float:
    """Mean absolute difference over all ordered pairs (with itself), over twice the mean."""
    if not values:
        return NAN
    n = len(values)
    ranked = sum((2 * i - n - 1) * value for i, value in enumerate(sorted(values), start=1))
    return ranked / (n * sum(values))


def slot_shares(slots: Slots) -> list[float]:
    total = sum(firm.B for firm in slots if firm)
    return [firm.B / total if firm else 0.0 for firm in slots]


def leader(slots: Slots) -> int | None:
    """The id of the firm with the largest share, the lowest slot on a tie."""
    shares = slot_shares(slots)
    firm = slots[shares.index(max(shares))] if shares else None
    return firm.id if firm else None


def all_slots(market: Market) -> Slots:
    return [firm for slots in market.slots for firm in slots]


def remember(market: Market) -> None:
    """What the next step compares itself with, and the firms' peak shares of their sectors."""
    for m, slots in [(None, all_slots(market)), *enumerate(market.slots)]:
        market.shares[m] = slot_shares(slots)
        market.leaders[m] = leader(slots)
        for firm, share in zip(slots, market.shares[m], strict=True):
            if m is not None and firm:
                record = market.lives[firm.id]
                record.peak_share = max(record.peak_share, share)


def levels(market: Market, slots: Slots) -> Table:
    """The columns that need only the firms that now live."""
    p = market.parameters
    firms = [firm for firm in slots if firm]
    s = [share for firm, share in zip(slots, slot_shares(slots), strict=True) if firm]

    def weighted(value: Callable[[Firm], float]) -> float:
        return sum(share * value(firm) for firm, share in zip(firms, s, strict=True))

    def is_virtuous(firm: Firm) -> bool:
        return firm.T > firm.T0 and firm.C > firm.C0 and firm.R > firm.R0

    row: Table = {"firms": len(firms), "hhi": 1e4 * sum(share**2 for share in s)}
    row |= {"cr4": sum(sorted(s, reverse=True)[:4]), "top_share": max(s, default=NAN)}
    row["entropy"] = -sum(share * math.log(share) for share in s if share > 0)
    row["gini"] = gini([f.B for f in firms])
    for name in "TCRQF":
        values = [getattr(f, name) for f in firms if name != "F" or math.isfinite(p["runway"])]
        row |= {f"mean_{name}": mean(values), f"sd_{name}": sd(values)}
        row |= {f"{label}_{name}": quantile(values, q) for label, q in QUANTILES}
    row |= {f"weighted_{name}": weighted(lambda firm, name=name: getattr(firm, name)) for name in "TCR"}
    row |= {f"mean_{name}": mean([getattr(f, name) for f in firms]) for name in ("theta", "omega")}
    row["mean_stress"] = mean([challenge(p, firm) for firm in firms])
    row["mean_innovation_speed"] = mean([innovation(p, firm)[0] for firm in firms])
    for i, strategy in enumerate(market.strategies):
        row[f"share_{strategy['name']}"] = weighted(lambda firm, i=i: float(firm.strategy == i))
        row[f"firms_{strategy['name']}"] = sum(firm.strategy == i for firm in firms)
    row["virtuous"] = mean([float(is_virtuous(firm)) for firm in firms])
    row["virtuous_share"] = weighted(lambda firm: float(is_virtuous(firm)))
    row["mean_loop_gain"] = mean([f.k1 * f.k2 * f.k3 * f.T0 * f.C0 * f.R0 for f in firms])
    if firms:
        return row
    return {name: 0 if name == "firms" or name.startswith("firms_") else NAN for name in row}


def changes(market: Market, m: int | None, slots: Slots, entries: int, exits: list[str]) -> Table:
    """The columns that compare with a step before, and the flows."""
    pairs = zip(slot_shares(slots), market.shares[m], strict=True)
    now, before = leader(slots), market.leaders[m]
    changed = market.step > 1 and now is not None and before is not None and now != before
    return {
        "instability": 0.5 * sum(abs(s - s_before) for s, s_before in pairs),
        "leader_changed": int(changed),
        "entries": entries,
        "exits": len(exits),
        "diverged": exits.count("diverged"),
    }


def collect(market: Market, exits: list[list[str]], entries: list[int]) -> tuple[Table, list[Table]]:
    """Stage 9: the market's row and the sectors' rows of this step."""
    sector_rows = []
    for m, slots in enumerate(market.slots):
        named = {"sector": market.sectors[m]["name"], "demand": market.demand[m]}
        sector_rows.append(named | levels(market, slots) | changes(market, m, slots, entries[m], exits[m]))
    slots = all_slots(market)
    row = levels(market, slots) | changes(market, None, slots, sum(entries), sum(exits, []))
    served = [sector for sector in sector_rows if sector["firms"]]
    total = sum(sector["demand"] for sector in served)
    row["sector_hhi"] = sum(sector["demand"] * sector["hhi"] for sector in served) / total if served else NAN
    remember(market)
    return row, sector_rows


def growths(market: Market, B_before: dict[int, float]) -> list[Pair]:
    """By slot, B at the step's start and growth less the sector's mean, of firms alive at both ends."""
    found = []
    for slots in market.slots:
        stayed = [firm for firm in slots if firm and firm.id in B_before]
        if len(stayed) < 2:
            continue
        g = [math.log(firm.B / B_before[firm.id]) for firm in stayed]
        centre = mean(g)
        found += [(B_before[firm.id], value - centre) for firm, value in zip(stayed, g, strict=True)]
    return found


# ---------------------------------------------------------------------------------------------- outcomes


def outcomes(history: list[Table], market: Market) -> Table:
    """The outcomes of a run as far as it has come, from `market.history` and the final state."""
    window = history[len(history) - math.ceil(len(history) / 4) :]
    rows = [record["row"] for record in window]
    result: Table = {name: mean([row[name] for row in rows if not math.isnan(row[name])]) for name in rows[0]}
    empty = not any(row["firms"] for row in rows)
    initial = [record for record in market.lives if record.entry_step == 0]
    result["survival"] = mean([float(record.exit_step is None) for record in initial])
    counts = [len(initial)] + [record["row"]["firms"] for record in history]
    result["peak_firms"], result["peak_step"] = max(counts), counts.index(max(counts))
    names = [strategy["name"] for strategy in market.strategies]
    result["winner"] = None if empty else max(names, key=lambda name: result[f"share_{name}"])
    result["hill"] = hill([firm.B for firm in all_slots(market) if firm])
    growths_of_steps = [record["growths"] for record in window]
    result["subbotin"] = subbotin([[g for _, g in found] for found in growths_of_steps])
    result["size_variance_slope"] = size_variance_slope(growths_of_steps)
    result |= further_outcomes(history, market, result)
    result["structure"] = structure(result, history[-1]["row"]["firms"])
    result["growth"] = None if empty else growth(result)
    return result


def further_outcomes(history: list[Table], market: Market, means: Table) -> Table:
    n, share = means["firms"], means["hhi"] / 1e4
    window = history[len(history) - math.ceil(len(history) / 4) :]
    leaders = [record["leader"] for record in history]
    changes = [now != then for then, now in pairwise(leaders) if then is not None and now is not None]
    grown = [step for step, record in enumerate(history, 1) if record["T"] >= 1.5 * market.start_mean]
    ends = [math.ceil(quarter * market.parameters["steps"] / 4) for quarter in range(1, 5)]
    taus = []
    for then, now in pairwise(ends):
        if then < now <= len(history):
            before, after = history[then - 1]["B"], history[now - 1]["B"]
            taus.append(kendall([(before[id], B) for id, B in after.items() if id in before]))
    return {
        "n_eff": 1 / share,
        "hhi_normalised": NAN if math.isnan(share) else 1.0 if n <= 1 else (share - 1 / n) / (1 - 1 / n),
        "turnover_rate": (means["entries"] + means["exits"]) / n if n else NAN,
        "frontier_gap": means["q90_T"] / means["q10_T"],
        "leader_hazard": mean([float(change) for change in changes]),
        "take_off_step": min(grown) if grown else NAN,
        "rank_tau": mean([tau for tau in taus if not math.isnan(tau)]),
        "consumer_surplus": mean([x for x in (record["surplus"] for record in window) if not math.isnan(x)]),
    }


def kendall(pairs: list[Pair]) -> float:
    concordant = ties_x = ties_y = 0
    for (x1, y1), (x2, y2) in combinations(pairs, 2):
        concordant += (x1 > x2) * (y1 > y2) + (x1 < x2) * (y1 < y2) - (x1 > x2) * (y1 < y2) - (x1 < x2) * (y1 > y2)
        ties_x += x1 == x2
        ties_y += y1 == y2
    n = len(pairs) * (len(pairs) - 1) / 2
    untied = (n - ties_x) * (n - ties_y)
    return concordant / math.sqrt(untied) if untied else NAN


def hill(B: list[float]) -> float:
    k = len(B) // 10
    x = sorted(B, reverse=True)[: k + 1]
    if len(B) < 100 or x[0] == x[k]:
        return NAN
    return k / sum(math.log(value / x[k]) for value in x[:k])


def subbotin(growths_of_steps: list[list[float]]) -> float:
    z = []
    for g in growths_of_steps:
        spread = sd(g)
        if g and spread > 0:
            z += [value / spread for value in g]
    if len(z) < 200:
        return NAN

    def ratio(b: float) -> float:
        return math.exp(2 * math.lgamma(2 / b) - math.lgamma(1 / b) - math.lgamma(3 / b))

    wanted = mean([abs(value) for value in z]) ** 2 / mean([value**2 for value in z])
    low, high = 0.1, 50.0
    if not ratio(low) <= wanted <= ratio(high):
        return NAN
    for _ in range(200):  # the ratio rises with b
        middle = (low + high) / 2
        low, high = (middle, high) if ratio(middle) < wanted else (low, middle)
    return (low + high) / 2


def size_variance_slope(growths_of_steps: list[list[Pair]]) -> float:
    if sum(len(found) for found in growths_of_steps) < 200:
        return NAN
    bins: list[list[Pair]] = [[] for _ in range(10)]
    for found in growths_of_steps:
        for rank, pair in enumerate(sorted(found, key=lambda pair: pair[0])):  # stable: ties by slot
            bins[10 * rank // len(found)].append(pair)
    points = [(mean([B for B, _ in pairs]), sd([g for _, g in pairs])) for pairs in bins if pairs]
    points = [(math.log(B), math.log(spread)) for B, spread in points if spread > 0]
    if len({x for x, _ in points}) < 2:
        return NAN
    return linear_regression(*zip(*points, strict=True)).slope


def structure(means: Table, firms_at_end: int) -> str:
    if not firms_at_end:
        return "collapsed"
    for name, least in (("monopoly", 6400), ("oligopoly", 1800), ("moderate", 1000)):
        if means["sector_hhi"] >= least:
            return name
    return "fragmented"


def growth(means: Table) -> str:
    if means["virtuous_share"] > 0.5:
        return "virtuous"
    return "vicious" if means["weighted_R"] < 1 else "stagnant"
