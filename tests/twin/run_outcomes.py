"""The outcomes of a run, numbers and words, from its history and its final state."""

import math
from itertools import combinations, pairwise
from statistics import linear_regression

from tests.twin.measures import all_slots, mean, sd
from tests.twin.state import NAN, Market, Pair, Table


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
