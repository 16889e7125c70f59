"""Stage 9: the rows of the market and of its sectors, and the growth of firms."""

import math
from collections.abc import Callable, Sequence

from tests.twin.firm import challenge, innovation
from tests.twin.state import NAN, Firm, Market, Pair, Slots, Table

QUANTILES = (("q10", 0.1), ("q50", 0.5), ("q90", 0.9))


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


def best(slots: Slots) -> int | None:
    """The id of the firm with the largest Q, the lowest slot on a tie."""
    firms = [firm for firm in slots if firm]
    return max(firms, key=lambda firm: firm.Q).id if firms else None


def all_slots(market: Market) -> Slots:
    return [firm for slots in market.slots for firm in slots]


def remember(market: Market) -> None:
    """What the next step compares itself with, and the firms' peak shares of their sectors."""
    for m, slots in [(None, all_slots(market)), *enumerate(market.slots)]:
        market.shares[m] = slot_shares(slots)
        market.leaders[m], market.best[m] = leader(slots), best(slots)
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

    def changed(now: int | None, before: int | None) -> int:
        return int(market.step > 1 and now is not None and before is not None and now != before)

    return {
        "instability": 0.5 * sum(abs(s - s_before) for s, s_before in pairs),
        "leader_changed": changed(leader(slots), market.leaders[m]),
        "best_quality_changed": changed(best(slots), market.best[m]),
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
    row["frontier"] = market.frontier if row["firms"] else NAN
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
