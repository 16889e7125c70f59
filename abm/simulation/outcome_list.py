"""Every column of a run's steps and sectors and every outcome: name, definition, unit and source, in one table.

`abm outcomes` prints it, and `abm/docs/outcomes.md` is made of it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from abm.scenario.regimes import LEAST_HHI

STEPS, SECTORS, OUTCOMES = "steps", "sectors", "outcomes"
_EVERYWHERE = (STEPS, SECTORS, OUTCOMES)
STRATEGY_NAME = "NAME"  # stands for a strategy's name


class Entry(NamedTuple):
    """A row of the table.

    Attributes
    ----------
    name : str
        `NAME` in it stands for each strategy's name.
    where : tuple of str
        Which of `steps` (a row a step, of the market), `sectors` (a row a step and sector) and `outcomes` (one of a
        run) have it.
    definition : str
    unit : str
        A dash: a pure number or a word.
    source : str
        A section of the article, a publication, or "chosen".
    full : bool
        Whether it needs the level `full`.
    """

    name: str
    where: tuple[str, ...]
    definition: str
    unit: str
    source: str
    full: bool = False


_VARIABLES = {
    "T": ("technology accumulation T", "units of T", "article §4.1"),
    "C": ("market competitiveness C", "units of C", "article §4.1"),
    "R": ("return R", "revenue / cost", "article §4.1"),
    "Q": ("deployed quality Q", "units of T", "article §2.2.2"),
    "F": ("funds F (missing with an infinite runway)", "steps of spending", "article §2.2.3"),
}
_SPREADS = {
    "mean": "Mean of {} over firms.",
    "sd": "Standard deviation of {} over firms, dividing by their number.",
    "q10": "10 % quantile of {} over firms, by linear interpolation.",
    "q50": "Median of {} over firms.",
    "q90": "90 % quantile of {} over firms, by linear interpolation.",
}


def _spreads() -> Iterator[Entry]:
    for x, (variable, unit, source) in _VARIABLES.items():
        for kind, text in _SPREADS.items():
            yield Entry(f"{kind}_{x}", _EVERYWHERE, text.format(variable), unit, source, kind.startswith("q"))


ENTRIES = (
    Entry("firms", _EVERYWHERE, "Number of firms that live.", "firms", "chosen"),
    Entry("entries", _EVERYWHERE, "Number of firms that entered in the step.", "firms per step", "chosen"),
    Entry("exits", _EVERYWHERE, "Number of firms that left in the step, diverged ones included.", "firms per step",
          "article §2.2.3"),
    Entry("diverged", _EVERYWHERE, "Number of firms that left because T, C, P or Q exceeded 1e9.", "firms per step",
          "chosen"),
    Entry("hhi", _EVERYWHERE, "10,000·Σs², s a firm's share of all customers (of its sector's, in sectors).",
          "0 to 10,000", "Herfindahl and Hirschman"),
    Entry("cr4", _EVERYWHERE, "Share of the four largest firms.", "share", "Bain 1951"),
    Entry("top_share", _EVERYWHERE, "Share of the largest firm.", "share", "chosen"),
    Entry("entropy", _EVERYWHERE, "−Σ s·ln s over firms.", "nats", "Shannon 1948"),
    Entry("gini", _EVERYWHERE, "Gini coefficient of the customer bases B.", "0 to 1", "Gini 1912", full=True),
    Entry("sector_hhi", (STEPS, OUTCOMES), "Mean of the sectors' hhi, weighted by demand, over sectors that have "
          "firms: concentration where firms meet.", "0 to 10,000", "article §3.4"),
    Entry("demand", (SECTORS,), "Demand D of the sector in the step.", "sales of a baseline firm", "article §3.4"),
    *_spreads(),
    Entry("weighted_T", _EVERYWHERE, "Mean of T over firms, weighted by share.", "units of T", "article §4.1"),
    Entry("weighted_C", _EVERYWHERE, "Mean of C over firms, weighted by share.", "units of C", "article §4.1"),
    Entry("weighted_R", _EVERYWHERE, "Mean of R over firms, weighted by share.", "revenue / cost", "article §4.1"),
    Entry("mean_theta", _EVERYWHERE, "Mean of the technology weight θ over firms.", "share", "article §1.2"),
    Entry("mean_omega", _EVERYWHERE, "Mean of the optimisation weight ω over firms.", "share", "article §2.2.2"),
    Entry("mean_stress", _EVERYWHERE, "Mean over firms of H = clip(1 − F/runway, 0, 1), of the step's end.", "share",
          "article §2.2.3"),
    Entry("mean_innovation_speed", _EVERYWHERE, "Mean over firms of V = 1/(1 + φ·max(0, T/T0 − 1)), of the step's end.",
          "share", "article §2.2.1"),
    Entry("virtuous", _EVERYWHERE, "Share of firms with T > T0, C > C0 and R > R0.", "share", "article §4.2"),
    Entry("virtuous_share", _EVERYWHERE, "Share of customers of the firms with T > T0, C > C0 and R > R0.", "share",
          "article §4.2"),
    Entry("mean_loop_gain", _EVERYWHERE, "Mean over firms of k1·k2·k3·T0·C0·R0, the slope of the composed map at the "
          "baseline.", "–", "article §4.2"),
    Entry("instability", _EVERYWHERE, "½·Σ|s − s of the step before| over slots; at step 1 against the start. Missing "
          "shares are 0.", "share", "Hymer and Pashigian 1962"),
    Entry("leader_changed", _EVERYWHERE, "1 if the firm with the largest share (the lowest slot on a tie) is another "
          "than a step before; 0 at step 1 and where either step has no firm.", "0 or 1", "chosen"),
    Entry("best_quality_changed", _EVERYWHERE, "1 if the firm with the largest Q (the lowest slot on a tie) is another "
          "than a step before; 0 at step 1 and where either step has no firm.", "0 or 1", "chosen"),
    Entry("frontier", (STEPS, OUTCOMES), "The frontier Φ of the step's end, 1 at the start, to which T and Q are "
          "relative: a firm's absolute quality is Q·Φ.", "–", "article §3.2"),
    Entry(f"share_{STRATEGY_NAME}", _EVERYWHERE, "Share of customers of the strategy's firms.", "share",
          "article §3.2"),
    Entry(f"firms_{STRATEGY_NAME}", _EVERYWHERE, "Number of firms of the strategy.", "firms", "article §3.2"),
    Entry("consumer_surplus", (OUTCOMES,), "Mean over the window of Σ D·ln ΣA / ΣD over sectors that have firms, A "
          "the firms' attractiveness at the step's end: the logit's inclusive value.", "log attractiveness",
          "Small and Rosen 1981"),
    Entry("survival", (OUTCOMES,), "Share of the initial firms that live at the end.", "share", "chosen"),
    Entry("peak_firms", (OUTCOMES,), "Largest number of firms, the start included.", "firms",
          "Klepper and Simons 2005"),
    Entry("peak_step", (OUTCOMES,), "First step with that number; 0 is the start.", "step", "Klepper and Simons 2005"),
    Entry("winner", (OUTCOMES,), "Strategy with the largest mean share (the earlier on a tie); missing if the market "
          "is empty throughout the window.", "–", "article §3.2"),
    Entry("hill", (OUTCOMES,), "k / Σ ln(x_i / x_(k+1)) over the k = floor(n/10) largest of the n final B: tail "
          "exponent of firm sizes; missing under 100 firms or if those are all equal.", "–", "Hill 1975"),
    Entry("subbotin", (OUTCOMES,), "Shape b of the Subbotin density of growth ln(B'/B) of firms that live at both ends "
          "of a step and are 20 steps old or more at its start, less the sector's mean of the step (sectors with one "
          "such firm left out), over the step's standard deviation, pooled over the window: the b in [0.1, 50] with "
          "Γ(2/b)²/(Γ(1/b)·Γ(3/b)) = (E|z|)²/E z². "
          "1 is Laplace, 2 normal; missing if there is none or under 200 values.", "–",
          "Bottazzi and Secchi 2006"),
    Entry("size_variance_slope", (OUTCOMES,), "Least-squares slope of ln sd of growth (as for subbotin, not divided) "
          "on ln mean B over ten bins, the deciles of B at the step's start, each pooled over the window; missing "
          "under 200 values.", "–", "Stanley and others 1996", full=True),
    Entry("n_eff", (OUTCOMES,), "10,000/hhi of the window's mean: how many firms of equal size would be as "
          "concentrated.", "firms", "Adelman 1969"),
    Entry("hhi_normalised", (OUTCOMES,), "(hhi/10,000 − 1/n)/(1 − 1/n), n the window's mean of firms: 0 for equal "
          "firms, 1 for one.", "0 to 1", "chosen"),
    Entry("turnover_rate", (OUTCOMES,), "(entries + exits)/firms of the window's means.", "share per step",
          "Dunne, Roberts and Samuelson 1988"),
    Entry("frontier_gap", (OUTCOMES,), "q90_T/q10_T of the window's means.", "ratio", "chosen", full=True),
    Entry("rank_tau", (OUTCOMES,), "Mean of Kendall's τ-b between the B of firms at the end of a fourth of the run and "
          "at the end of the next, of firms that live at both: three values. The k-th fourth ends at step "
          "ceil(k·steps/4); of more than 500 slots every n-th counts.", "−1 to 1", "Kendall 1945"),
    Entry("leader_hazard", (OUTCOMES,), "Share of all steps from the second whose largest firm is another than a step "
          "before.", "share of steps", "chosen"),
    Entry("take_off_step", (OUTCOMES,), "First step with mean T at least 1.5 times the start's; missing if there is "
          "none.", "step", "article §4.2"),
    Entry("structure", (OUTCOMES,), "collapsed: no firm at the end; else by the window's sector_hhi: "
          f"{', '.join(f'{name} from {least:,}' for name, least in LEAST_HHI.items())}, fragmented below.", "–",
          "US merger guidelines 2023"),
    Entry("growth", (OUTCOMES,), "virtuous: mean virtuous_share above 0.5; else vicious: mean weighted_R below 1; else "
          "stagnant; missing if the market is empty throughout the window.", "–", "article §4.2"),
)  # fmt: skip


def names(where: str, strategies: Sequence[str], full: bool) -> list[str]:
    """The names of one kind, in the table's order.

    Parameters
    ----------
    where : str
        `steps`, `sectors` or `outcomes`.
    strategies : sequence of str
    full : bool
        Whether those of the level `full` are among them.

    Examples
    --------
    >>> names("sectors", ["balanced"], full=False)[-3:]
    ['best_quality_changed', 'share_balanced', 'firms_balanced']
    """
    found = []
    for entry in ENTRIES:
        if where in entry.where and (full or not entry.full):
            each = strategies if STRATEGY_NAME in entry.name else [""]
            found += [entry.name.replace(STRATEGY_NAME, strategy) for strategy in each]
    return found


def entry_of(name: str) -> Entry | None:
    """The row that a column or an outcome has, or None; a strategy's are found by how they begin.

    Examples
    --------
    >>> entry_of("cr4").source, entry_of("share_balanced").name, entry_of("my_own")
    ('Bain 1951', 'share_NAME', None)
    """
    by_name = {entry.name: entry for entry in ENTRIES}
    begin = f"{name.partition('_')[0]}_{STRATEGY_NAME}"
    return by_name.get(name) or by_name.get(begin)


def rows() -> list[dict[str, str]]:
    """The table as rows of text.

    Examples
    --------
    >>> rows()[0]["name"], rows()[0]["where"], rows()[0]["level"]
    ('firms', 'steps, sectors, outcomes', 'light')
    """
    return [
        {
            "name": entry.name,
            "where": ", ".join(entry.where),
            "level": "full" if entry.full else "light",
            "unit": entry.unit,
            "source": entry.source,
            "definition": entry.definition,
        }
        for entry in ENTRIES
    ]


def markdown() -> str:
    """The table as Markdown.

    Examples
    --------
    >>> print(markdown().splitlines()[0])
    | name | where | level | unit | source | definition |
    """
    table = rows()
    cells = [[cell.replace("|", "\\|") for cell in row.values()] for row in table]
    lines = [list(table[0]), ["---"] * len(table[0]), *cells]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
