"""The start, by draws or from a firm table, and what a firm has when it comes."""

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import fields
from fractions import Fraction
from itertools import count
from typing import Any

from tests.twin.measures import remember
from tests.twin.state import FLOOR_B, Draws, Firm, Life, Market, Table

NUMBERS = {column.name for column in fields(Firm)} - {"id", "strategy"}


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


def life(market: Market, firm: Firm, m: int) -> Life:
    sector, strategy = market.sectors[m]["name"], market.strategies[firm.strategy]["name"]
    return Life(firm.id, sector, strategy, market.step, firm, (firm.theta, firm.omega))


def begin(market: Market) -> Market:
    """Record the initial firms and what the first step compares itself with."""
    market.changes = market.parameters.get("changes", [])
    market.given = deepcopy((market.parameters, market.sectors, market.strategies))
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
