"""The one table of parameters: names, ranges, neutral values, defaults and meanings.

Scenarios, the command line, firm tables and the documentation all read this table, so a range or a
default is changed here and nowhere else.
"""

import functools
import math
import operator
import re
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Any

from abm.errors import InputError, nearest, shown
from abm.scenario.rules import is_function_name


def _bound(text: str) -> float:
    """An end of an interval, such as 1e6, inf or 2^63."""
    base, _, power = text.partition("^")
    return float(base) ** float(power or 1)


@dataclass(frozen=True)
class Parameter:
    """One row of the table.

    Parameters
    ----------
    name, symbol : str
        The name in files and code, and the letter in formulas ("–" if it has none).
    level : str
        "market", "sector", "strategy", "change" or "firm" (a column of a firm table).
    kind : str
        "int", "float" or "choice".
    allowed : str
        An interval such as "(0, 1]", or the choices, such as "literal, rate or increment".
        `low`, `high`, `low_open`, `high_open` and `choices` are read from it.
    default : int, float, str or None
        None if the value must be given. The name of another parameter where a number is due means
        that parameter's value (see `follows`).
    neutral : int, float, str or None
        The value that turns the mechanism off; None if there is no such value.
    unit, meaning, section : str
        The unit, one plain sentence, and the article's section ("–" if it has none).

    Examples
    --------
    >>> churn = MARKET["churn"]
    >>> churn.low, churn.low_open, churn.high, churn.high_open
    (0.0, True, 1.0, False)
    """

    name: str
    symbol: str
    level: str
    kind: str
    allowed: str
    default: Any
    neutral: Any
    unit: str
    section: str
    meaning: str
    low: float = field(init=False, default=float("-inf"))
    high: float = field(init=False, default=float("inf"))
    low_open: bool = field(init=False, default=False)
    high_open: bool = field(init=False, default=False)
    choices: tuple = field(init=False, default=())

    def __post_init__(self) -> None:
        if self.allowed[0] in "[(":
            low, high = self.allowed[1:-1].split(",")
            read = {"low": _bound(low), "high": _bound(high)}
            read |= {"low_open": self.allowed[0] == "(", "high_open": self.allowed[-1] == ")"}
        else:
            convert = str if self.kind == "choice" else float
            read = {"choices": tuple(convert(choice) for choice in re.split(", | or ", self.allowed))}
        for name, value in read.items():
            object.__setattr__(self, name, value)  # the dataclass is frozen

    @property
    def follows(self) -> str | None:
        """The parameter whose value is the default of this one, if there is one.

        Examples
        --------
        >>> MARKET["market_size"].follows
        'initial_firms'
        """
        return self.default if self.kind != "choice" and isinstance(self.default, str) else None

    @property
    def takes_rules(self) -> bool:
        """Whether FILE.py:NAME, a rule of the user's own, stands beside the choices.

        Examples
        --------
        >>> STRATEGY["policy"].takes_rules, MARKET["reading"].takes_rules
        (True, False)
        """
        return self.name == "policy"

    @property
    def source(self) -> str:
        """Where the parameter comes from: a section of the article, or "chosen" for this model.

        Examples
        --------
        >>> MARKET["churn"].source, MARKET["steps"].source
        ('article §3.3', 'chosen')
        """
        return "chosen" if self.section == "–" else f"article {self.section}"

    def admits(self, value: Any) -> Any:
        """Whether a value is in the range: a bool, or an array of them for a NumPy array.

        Examples
        --------
        >>> MARKET["churn"].admits(0.0), MARKET["churn"].admits(1.0)
        (False, True)
        """
        if self.choices:
            return functools.reduce(operator.or_, (value == choice for choice in self.choices))
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return above & below

    def check(self, value: Any, where: str = "", *, whole_floats: bool = False) -> Any:
        """The value as this parameter's kind, or a refusal that names key, value and what is allowed.

        Parameters
        ----------
        value
            An int is taken for a float, and NumPy scalars are taken as what they hold; a bool is no
            number and NaN is refused.
        where : str
            The place of the value, put before the message.
        whole_floats : bool
            Take 8.0 for an integer.

        Examples
        --------
        >>> MARKET["network_effect"].check(1)
        1.0
        >>> MARKET["network_effect"].check(-1, "my.toml")
        Traceback (most recent call last):
        abm.errors.InputError: my.toml: network_effect = -1 is outside [0, 2]
        """
        try:
            return self._check_choice(value) if self.kind == "choice" else self._check_number(value, whole_floats)
        except InputError as problem:
            raise InputError(f"{where}{': ' if where else ''}{self.name} = {problem}") from None

    def _check_choice(self, value: Any) -> str:
        if isinstance(value, str) and self.admits(value):
            return str(value)
        if self.takes_rules and is_function_name(value):
            return value
        own = ", nor FILE.py:NAME, a rule of your own" if self.takes_rules else ""
        raise InputError(f"{shown(value)} is not {self.allowed}{own}{nearest(value, self.choices)}")

    def _check_number(self, value: Any, whole_floats: bool) -> int | float:
        # int and float are named first because the abstract types are slow to ask.
        if isinstance(value, bool) or not isinstance(value, (int, float, Real)):
            raise InputError(f"{shown(value)} is not a number; allowed is {self.allowed}")
        whole = isinstance(value, int) or (not isinstance(value, float) and isinstance(value, Integral))
        number = int(value) if whole else float(value)
        if isinstance(number, float) and math.isnan(number):
            raise InputError(f"nan is not a number; allowed is {self.allowed}")
        if self.kind == "int" and isinstance(number, float):
            if not (whole_floats and number.is_integer()):
                raise InputError(f"{shown(number)} is not an integer; allowed is {self.allowed}")
            number = int(number)
        try:
            # + 0.0 makes -0.0 a plain zero, so that equal scenarios are equal to the last bit.
            converted = number if self.kind == "int" else float(number) + 0.0
        except OverflowError:  # an integer beyond every float
            raise InputError(f"{shown(number)} is outside {self.allowed}") from None
        if not self.admits(converted):
            raise InputError(f"{shown(number)} is outside {self.allowed}")
        return converted


def _table(level: str, *rows: tuple) -> dict[str, Parameter]:
    """Rows of (name, symbol, kind, allowed, default, neutral, unit, section, meaning) by name."""
    return {row[0]: Parameter(*row[:2], level, *row[2:]) for row in rows}


INF = float("inf")

# fmt: off
MARKET = _table(
    "market",
    ("steps", "–", "int", "[1, 1e7]", 400, None, "steps", "–",
     "How many steps a run takes; read one step as a quarter."),
    ("capacity", "–", "int", "[1, 1e9]", 400, None, "slots", "–",
     "How many slots for firms the market has, filled or vacant."),
    ("initial_firms", "–", "int", "[1, 1e9]", "capacity", None, "firms", "–",
     "How many firms the market starts with, at most its capacity."),
    ("review_interval", "–", "int", "[1, 1e6]", 8, None, "steps", "§3.2",
     "How many steps of its life a firm lets pass between two reviews of its strategy."),
    ("market_size", "–", "float", "(0, 1e12]", "initial_firms", None, "sales of a baseline firm", "–",
     "The demand of all sectors together at the start."),
    ("reading", "–", "choice", "literal, rate or increment", "literal", None, "–", "§4",
     "How the article's equations are read as dynamics."),
    ("network_effect", "β", "float", "[0, 2]", 0.5, 0.0, "elasticity", "§3.3",
     "How strongly the customers whom a firm has attract further customers; a sector may have a value of its own."),
    ("churn", "μ", "float", "(0, 1]", 0.2, 1.0, "share per step", "§3.3",
     "The share of customers who choose anew in a step; the others stick to their firm. A sector may have a value of "
     "its own."),
    ("demand_noise", "s_B", "float", "[0, 1]", 0.0, 0.0, "sd of logarithms per step", "–",
     "The standard deviation of chance in a firm's customer base: large accounts and fashions come and go in lumps."),
    ("demand_noise_odds", "p", "float", "(0, 1]", 0.2, None, "odds per step", "–",
     "The odds that a firm's customer base changes by a lump in a step; the rarer, the larger the lumps."),
    ("size_dependence", "ν", "float", "[0, 0.5]", 0.0, 0.0, "elasticity", "–",
     "How much smaller the lumps are, relative to its customer base, for a larger firm."),
    ("variable_cost_share", "w", "float", "[0, 1]", 0.5, 1.0, "share", "§2.2.3",
     "The share of a firm's cost that grows with its sales; the rest is fixed."),
    ("frontier_cost", "ξ", "float", "[0, 10]", 0.0, 0.0, "elasticity", "§3.3",
     "How much a firm's fixed cost grows with the mean technology of its sector: what it costs to stay in."),
    ("technology_cost", "κ", "float", "[0, 1e6]", 0.1, 0.0, "cost per unit of lead", "§3.3",
     "How much a technological lead adds to a firm's cost."),
    ("innovation_drag", "φ", "float", "[0, 1e6]", 0.3, 0.0, "per unit of lead", "§2.2.1",
     "How much accumulated technology slows a firm's innovation."),
    ("stress_response", "χ", "float", "[0, 1]", 0.5, 0.0, "share", "§2.2.3",
     "How much a firm that runs short of funds loses of its gains and deepens its losses."),
    ("technology_ceiling", "K_T", "float", "(0, inf]", 8.0, INF, "units of T", "–",
     "The bound on the gain of technology over its anchor."),
    ("competitiveness_ceiling", "K_C", "float", "(0, inf]", 1.0, INF, "units of C", "–",
     "The bound on the gain of competitiveness over its anchor."),
    ("return_ceiling", "K_R", "float", "(0, inf]", 5.0, INF, "units of R", "–",
     "The bound on the gain of the potential return over its anchor."),
    ("runway", "F̄", "float", "(0, inf]", 8.0, INF, "steps of spending", "§2.2.3",
     "The funds a firm starts with; inf means that nobody runs out."),
    ("funds_cap", "cap", "float", "[1, inf]", 4.0, None, "runways", "–",
     "The largest funds a firm can hold, as a multiple of the runway."),
    ("outside_capital", "ψ", "float", "[0, 1e6]", 0.5, 0.0, "steps of spending", "§3.2",
     "How much outside capital flows to a firm per unit of technology above its sector's mean."),
    ("spillover", "σ", "float", "[0, 1]", 0.01, 0.0, "share per step", "§3.2",
     "The share of its gap to the sector's mean technology that a firm makes up from papers and open code."),
    ("entrant_catch_up", "ι", "float", "[0, 1]", 0.5, 0.0, "share", "§3.2",
     "How far an entrant's technology starts from the sector's mean instead of its own draw."),
    ("entry_rate", "λ", "float", "[0, 1e9]", 0.01, 0.0, "per vacant slot and step", "–",
     "The odds that a vacant slot is filled, per unit of the sector's mean return."),
    ("entrant_base", "–", "float", "(0, 1e6]", 0.5, None, "mean customer bases", "–",
     "The customer base of an entrant, as a multiple of its sector's demand per firm."),
    ("technology_noise", "s_T", "float", "[0, 1]", 0.01, 0.0, "share per step", "–",
     "The standard deviation of a firm's relative technology shock."),
    ("competitiveness_noise", "s_C", "float", "[0, 1]", 0.03, 0.0, "share per step", "§3.3",
     "The standard deviation of a firm's relative competitiveness shock."),
    ("return_noise", "s_R", "float", "[0, 1]", 0.0, 0.0, "share per step", "–",
     "The standard deviation of a firm's relative return shock."),
    ("technology_speed", "v_T", "float", "(0, 1]", 0.1, 1.0, "share per step", "–",
     "The share of its gap to the target that technology closes in a step."),
    ("competitiveness_speed", "v_C", "float", "(0, 1]", 0.3, 1.0, "share per step", "–",
     "The share of its gap to the target that competitiveness closes in a step."),
    ("return_speed", "v_R", "float", "(0, 1]", 0.5, 1.0, "share per step", "–",
     "The share of its gap to the target that the potential return closes in a step."),
    ("optimisation_speed", "v_Q", "float", "(0, 1]", 0.3, 1.0, "share per step", "§2.2.2",
     "The share of the gap between quality and technology that an even optimisation ships in a step."),
    ("quality_decay", "δ", "float", "[0, 1)", 0.03, 0.0, "share per step", "§2.2.2",
     "The share of its deployed quality that a model loses in a step."),
    ("release_odds", "r", "float", "(0, 1]", 1.0, 1.0, "odds per step", "§2.2.2",
     "The odds that a firm releases a model in a step; the rarer, the more each release brings."),
    ("frontier_growth", "g", "float", "[0, 0.5]", 0.0, 0.0, "share per step", "§3.2",
     "The share of its technology and quality that a firm loses to the moving frontier in a step."),
    ("learning_step", "η", "float", "[0, 0.9]", 0.05, 0.0, "technology weight", "§3.2",
     "How far an adaptive firm moves its technology weight at a review."),
    ("T0", "T0", "float", "[1e-6, 1e6]", 1.0, None, "units of T", "§4.1",
     "The median firm's baseline of technology accumulation."),
    ("C0", "C0", "float", "[1e-6, 1e6]", 1.0, None, "units of C", "§4.1",
     "The median firm's baseline of market competitiveness."),
    ("R0", "R0", "float", "[1e-6, 1e6]", 1.0, None, "revenue / cost", "§4.1",
     "The median firm's baseline of the return R."),
    ("k1", "k1", "float", "[0, 1e6]", 0.9, None, "coefficient", "§4.2",
     "The median firm's pull of competitiveness on technology."),
    ("k2", "k2", "float", "[0, 1e6]", 0.9, None, "coefficient", "§4.2",
     "The median firm's pull of the return on competitiveness."),
    ("k3", "k3", "float", "[0, 1e6]", 0.9, None, "coefficient", "§4.2",
     "The median firm's pull of technology on the return."),
    ("heterogeneity", "h", "float", "[0, 2]", 0.2, 0.0, "sd of logarithms", "–",
     "How much firms differ in their baselines and coefficients."),
    ("initial_momentum", "x0", "float", "(-1, 10]", 0.0, 0.0, "share of the baseline", "–",
     "How far above their baselines firms start."),
)

SECTOR = _table(
    "sector",
    ("demand_share", "–", "float", "[0, 1e9]", None, None, "weight", "§3.4",
     "The sector's weight in the market's demand."),
    ("competitiveness_elasticity", "γ", "float", "[0, 10]", 1.0, None, "elasticity", "§2.2.1",
     "How much the sector's customers heed competitiveness."),
    ("quality_elasticity", "τ", "float", "[0, 10]", 1.0, None, "elasticity", "§2.2.1",
     "How much the sector's customers heed the quality of the deployed model."),
    ("demand_growth", "–", "float", "(-1, 1]", 0.0, 0.0, "share per step", "–",
     "How fast the sector's demand grows."),
    ("monetisation", "–", "float", "(0, 1e3]", 1.0, 1.0, "ratio", "§2.2.3",
     "A factor on k3: how well the sector turns technology into returns."),
)

# Parameters of the market that a sector may set for itself; None there is the market's value.
SECTOR_OWN = {
    name: replace(MARKET[name], level="sector", default=name) for name in ("network_effect", "churn")
}

STRATEGY = _table(
    "strategy",
    ("technology_weight", "θ", "float", "[0.05, 0.95]", None, 0.5, "share", "§1.2",
     "The share of its effort that a firm puts into technology instead of the market."),
    ("optimisation_weight", "ω", "float", "[0.05, 0.95]", 0.5, 0.5, "share", "§2.2.2",
     "The share of its market effort that a firm puts into optimising its model instead of iterating."),
    ("policy", "–", "choice", "fixed, adaptive or imitate", "fixed", "fixed", "–", "§3.2",
     "How a firm changes its weights at a review; or a rule of your own, FILE.py:NAME (extending.md)."),
    ("weight", "–", "float", "[0, 1e9]", 1.0, None, "weight", "–",
     "The strategy's weight among the firms at the start and among entrants."),
)

CHANGE = _table(
    "change",
    ("step", "–", "int", "[1, 1e7]", None, None, "step", "–",
     "The first step that is made with a change, at most the run's last."),
    ("until", "–", "float", "[2, inf]", INF, None, "step", "–",
     "The first step that is made without a change, above its step; inf, or left out: it holds for good."),
    ("ramp", "–", "int", "[1, 1e9]", 1, None, "steps", "–",
     "Over how many steps a change is reached; 1: at once."),
    ("demand_factor", "–", "float", "[0, 1e9]", None, 1.0, "ratio", "–",
     "What demand is multiplied by, once, at the start of a change's first step."),
    ("seed", "–", "int", "[0, 2^63)", None, None, "–", "–",
     "The seed of all draws from a change's first step on, instead of the run's."),
)

# What cannot change on the way: the size and the layout of a market, and what is no number.
FIXED = ("steps", "capacity", "initial_firms", "market_size", "reading", "demand_share", "policy")

# The numbers that a firm table may hold (its k3 has the monetisation in it). Defaults depend on the scenario.
FIRM_COLUMNS = _table(
    "firm",
    *((row.name, row.name, "float", row.allowed, None, None, row.unit, row.section,
       row.meaning.replace("median firm", "firm"))
      for row in (MARKET[name] for name in ("T0", "C0", "R0", "k1", "k2", "k3"))),
    ("theta", "θ", "float", STRATEGY["technology_weight"].allowed, None, None, "share", "§1.2",
     "The firm's technology weight."),
    ("omega", "ω", "float", STRATEGY["optimisation_weight"].allowed, None, None, "share", "§2.2.2",
     "The firm's optimisation weight."),
    ("T", "T", "float", "[1e-6, 1e9]", None, None, "units of T", "§4.1", "Technology accumulation."),
    ("C", "C", "float", "[1e-6, 1e9]", None, None, "units of C", "§4.1", "Market competitiveness."),
    ("P", "P", "float", "[0, 1e9]", None, None, "revenue / cost", "§4.1",
     "The potential return: the return at fair demand and baseline cost."),
    ("R", "R", "float", "[0, 1e21]", None, None, "revenue / cost", "§2.1", "The return R."),
    ("Q", "Q", "float", "[1e-6, 1e9]", None, None, "units of T", "§2.2.2",
     "The quality of the deployed model."),
    ("B", "B", "float", "[0, 1e12]", None, None, "sales of a baseline firm", "§3.3", "The customer base."),
    ("F", "F", "float", "[0, inf]", None, None, "steps of spending", "§2.2.3", "The funds."),
    ("direction", "±1", "float", "-1 or 1", None, None, "–", "§3.2",
     "The direction of an adaptive firm's next step."),
    ("age", "–", "int", "[0, 1e9]", None, None, "steps", "–", "The number of steps the firm has lived."),
    ("R_smoothed", "R̄", "float", "[0, 1e21]", None, None, "revenue / cost", "§3.2", "The smoothed return."),
    ("R_reviewed", "R̄_last", "float", "[0, 1e21]", None, None, "revenue / cost", "§3.2",
     "The smoothed return at the last review."),
)
# Taken in place of B: a run's own table has both.
SHARE = Parameter("share", "–", "firm", "float", "[0, 1]", None, None, "share of its sector's demand", "–",
                  "The firm's share of its sector's demand.")
# Of firms that follow a rule of the user's own, in place of their direction.
MEMORY = Parameter("memory", "–", "firm", "float", "[-1e300, 1e300]", None, None, "–", "–",
                   "What the rule of the user's own that a firm follows remembers for it.")
# fmt: on

PARAMETERS: tuple[Parameter, ...] = (*MARKET.values(), *SECTOR.values(), *STRATEGY.values())
LISTED = (*PARAMETERS, *CHANGE.values())  # all that people can write in a scenario
