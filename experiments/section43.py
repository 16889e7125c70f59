"""Do the equations give the three worked numbers of §4.3, and how much hangs on how the third is read?

The article's §4.3 gives k1 = 0.2 and C = 0.8, k2 = 0.1 and R = 1.2, k3 = 0.5 and an increase of T by 0.2, and prints
0.16, 0.12 and 0.1. The first two put C and R where §4.2 has them; the third puts the increase ΔT where §4.2 has T
itself. Besides, §4.3 says that T grows by k1·C, while §4.2 multiplies k1·C by the deviation C − C0.

1. The three numbers by `abm.equations.rate`, and the third by §4.2.
2. The targets of T, C and R at these numbers by each reading, §4.2's third equation beside what it becomes with ΔT.
3. The circle with each third equation: loop gain and take-off threshold, at the numbers of §4.3 and at the
   model's defaults. All of it is exact, so that there are no intervals.

    python -m experiments.section43 [--quick] [--out DIR]
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.optimize import brentq

from abm.equations import READINGS, anchor, coupled, general_form, loop_gain, pull, rate
from abm.equilibrium.equilibria import take_off_threshold
from abm.scenario.parameters import MARKET
from experiments.common import COLOURS, experiment

K1, K2, K3 = 0.2, 0.1, 0.5
C, R, INCREASE = 0.8, 1.2, 0.2
PRINTED = (0.16, 0.12, 0.1)
BASELINE = 1.0  # §4.3 names no baselines: 1 for all, so that T = 1.2
THIRDS = {  # what §4.2's R = R0 + k3·T·(T − T0) becomes
    "k3·T·ΔT (§4.2)": lambda k3, T: coupled(BASELINE, k3, T, BASELINE),
    "k3·ΔT (§4.3 as the pull)": lambda k3, T: BASELINE + rate(k3, T - BASELINE),
    "k3·ΔT·ΔT (§4.3 as f3)": lambda k3, T: general_form(BASELINE, rate(k3, T - BASELINE), T, BASELINE),
}


def worked_numbers() -> pd.DataFrame:
    """The three numbers of §4.3 beside those printed, and the third by §4.2."""
    T = BASELINE + INCREASE
    rows = [("f1 = k1·C", K1, C, PRINTED[0]), ("f2 = k2·R", K2, R, PRINTED[1])]
    rows += [("f3 = k3·ΔT, as §4.3 has it", K3, INCREASE, PRINTED[2])]
    rows += [("f3 = k3·T, as §4.2 has it (T0 = 1)", K3, T, PRINTED[2])]
    table = [(name, k, y, rate(k, y), printed, rate(k, y) - printed) for name, k, y, printed in rows]
    return pd.DataFrame(table, columns=["formula", "k", "driver", "computed", "printed", "difference"])


def targets() -> pd.DataFrame:
    """The targets of T, C and R at the numbers of §4.3 in each reading of the system."""
    T, rows = BASELINE + INCREASE, []
    for place, name in enumerate(READINGS):
        drawn = [anchor(place, BASELINE, x) + pull(place, k, y, BASELINE)
                 for x, k, y in ((T, K1, C), (C, K2, R), (R, K3, T))]  # fmt: skip
        # With ΔT in place of T the pull k3·T·ΔT is k3·ΔT·ΔT, and k3·T is k3·ΔT.
        change = rate(K3, INCREASE) * (1.0 if name == "increment" else INCREASE)
        rows.append((name, T, drawn[0], C, drawn[1], R, drawn[2], anchor(place, BASELINE, R) + change))
    columns = ["reading", "T", "target of T", "C", "target of C", "R", "target of R, with T", "target of R, with ΔT"]
    return pd.DataFrame(rows, columns=columns)


def lap(third: str, k: tuple[float, float, float], T: np.ndarray | float) -> np.ndarray | float:
    """T after one lap of the loop T → R → C → T, baselines 1."""
    return_by = THIRDS[third](k[2], T)
    return coupled(BASELINE, k[0], coupled(BASELINE, k[1], return_by, BASELINE), BASELINE)


def threshold(third: str, k: tuple[float, float, float]) -> float:
    """The T above the baseline from which a lap leads up: the composed map's fixed point, found by bracketing."""
    return brentq(lambda T: lap(third, k, T) - T, BASELINE + 1e-6, 100.0, xtol=1e-14)


def consequences() -> pd.DataFrame:
    """Loop gain and take-off threshold by each third equation, at two sets of coefficients."""
    rows, step = [], 1e-6
    defaults = tuple(MARKET[name].default for name in ("k1", "k2", "k3"))
    for name, k in ("§4.3", (K1, K2, K3)), ("defaults", defaults):
        for third in THIRDS:
            gain = (lap(third, k, BASELINE + step) - lap(third, k, BASELINE - step)) / (2.0 * step)
            rows.append((name, *k, third, round(gain, 9) + 0.0, threshold(third, k)))
    return pd.DataFrame(rows, columns=["numbers", "k1", "k2", "k3", "third equation", "loop gain", "threshold T"])


def picture() -> Figure:
    """T after a lap of the loop against T before, at the defaults, for each third equation."""
    k = tuple(MARKET[name].default for name in ("k1", "k2", "k3"))
    T = np.linspace(0.4, 1.8, 300)
    figure = Figure(figsize=(7.0, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(T, T, color="0.6", linewidth=1, label="no change")
    for third, colour, line in zip(THIRDS, COLOURS, ("-", "--", "-.")):
        axes.plot(T, lap(third, k, T), line, color=colour, label=third)
        axes.plot([threshold(third, k)] * 2, [threshold(third, k)] * 2, "o", color=colour)
    axes.set(xlim=(0.4, 1.8), ylim=(0.7, 2.1))
    axes.set_xlabel("T before (units of T; the baseline is 1)")
    axes.set_ylabel("T after a lap T → R → C → T (units of T)")
    axes.set_title("What the third equation makes of the circle (k = 0.9; dots: take-off thresholds)", fontsize=10)
    axes.legend(frameon=False)
    return figure


def main() -> None:
    """Write the tables and the picture."""
    with experiment(__doc__, "section43") as out:
        numbers, after, circle = worked_numbers(), targets(), consequences()
        agree = bool(np.allclose(numbers["computed"][:3], numbers["printed"][:3], rtol=0, atol=1e-12))
        by_t = numbers["computed"][3]
        out.answer(
            f"The three numbers are {', '.join(f'{x:.2f}' for x in numbers['computed'][:3])}, as printed; but the "
            f"third has ΔT where §4.2 has T, with which it is {by_t:.2f} (exact, no interval).", agree
        )  # fmt: skip
        others = circle["threshold T"][1:3]
        gain = loop_gain(K1, K2, K3, BASELINE, BASELINE, BASELINE)
        exact = take_off_threshold(BASELINE, BASELINE, BASELINE, K1, K2, K3)
        out.answer(
            f"With the numbers of §4.3 the loop gain is {gain:.2g}, far below 1: the firm of the example returns to "
            f"its baseline, and would have to reach T = {exact:.2f} times the baseline to take off (by the other third "
            f"equations {others.min():.2f} and {others.max():.2f})."
        )
        of_defaults = circle[circle["numbers"] == "defaults"].set_index("third equation")
        gains = " / ".join(f"{x:.3f}" for x in of_defaults["loop gain"])
        edges = " / ".join(f"{x:.3f}" for x in of_defaults["threshold T"])
        out.answer(
            f"At k = 0.9 the third equations {' / '.join(THIRDS)} have loop gains of {gains} and thresholds T of "
            f"{edges}: read as f3 = k3·ΔT the circle has no first-order effect at the baseline."
        )
        out.table("numbers", numbers, "The worked numbers")
        out.text(
            "§4.3 also says that T grows by k1·C, which is the reading `increment`; by §4.2 (`literal`, and `rate` "
            "with the present value as anchor) k1·C is only the factor of the deviation C − C0. With baselines of 1 "
            "C = 0.8 is below its baseline: so T is drawn down by two of the readings and up by the third."
        )
        out.table("targets", after, "Where the firm of the example is drawn")
        out.table("circle", circle, "The circle by each third equation (baselines 1)")
        out.picture("laps", picture(), "T after a lap of the loop, for each third equation")


if __name__ == "__main__":
    main()
