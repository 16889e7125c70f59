"""Which parameters bring the foundation-models scenario to the published figures of 2025, and which figures clash?

The scenario `experiments/api_2025.toml` (ten firms, a step is a quarter, five years) is calibrated to figures as
reported; where two were reported, the target is their middle and its error half their distance. Ranges of 95 % give an
error of a fourth of their width. Where nothing is known of an error, one is chosen here, and the list below says so.

- HHI of API use: 1,770 by tokens, 2,770 by spend. Target 2,270 ± 500.
- Share of the leader: 28.4 % by tokens, 40 % by spend. Target 0.342 ± 0.058.
- Share of the four largest: 79.3 % by tokens; by spend three have 88 %. Target 0.84 ± 0.05 (error chosen).
- Quality gap from the top to the tenth model: 11.9 %, a year later 5.4 % (AI Index 2025). Target: the 90 % over the
  10 % quantile of T, 1.087 ± 0.033.
- Return of the leader: revenue 4.3 over R&D 6.7 and sales 2.0 bn $ (first half of 2025), 0.49. Target: the return
  weighted by customers, 0.49 ± 0.1 (error chosen: one firm).
- The first place of a leaderboard is held about 35 days (secondary): in a quarter it changes hands nearly always.
  Target: leader_hazard 0.9 ± 0.1 (chosen); the leader of the model is the firm with most customers, not of quality.

It is then calibrated again without each target in turn: what the others say of the one left out, in standard errors,
and whether the others can be met without it.

    python -m experiments.calibrate_2025 [--quick] [--out DIR]
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm.calibration.results import Calibration
from abm.calibration.specification import Specification
from abm.output.style import dress_axes
from experiments.calibrating import Markets, calibrated
from experiments.common import COLOURS, Experiment, experiment

TARGETS = {
    "sector_hhi": (2270.0, 500.0), "top_share": (0.342, 0.058), "cr4": (0.84, 0.05), "frontier_gap": (1.087, 0.033),
    "weighted_R": (0.49, 0.1), "leader_hazard": (0.9, 0.1),
}  # fmt: skip
MARKET = Path(__file__).with_name("api_2025.toml")
TEXT = """
scenario = "{market}"
[parameters]
network_effect = {{low = 0.0, high = 1.2}}
heterogeneity = {{low = 0.01, high = 0.8, scale = "log"}}
spillover = {{low = 0.005, high = 1.0, scale = "log"}}
R0 = {{low = 0.2, high = 1.5, scale = "log"}}
[targets]
{targets}
[search]
seeds = {seeds}
budget = {budget}
"""
CLASH = 1.96  # standard errors


def specification(names: list[str], seeds: int, budget: int) -> Specification:
    """The specification with some of the targets."""
    lines = [f"{name} = {{value = {TARGETS[name][0]}, error = {TARGETS[name][1]}}}" for name in names]
    return Specification.from_toml(
        TEXT.format(market=MARKET.as_posix(), targets="\n".join(lines), seeds=seeds, budget=budget)
    )


def predicted(found: Calibration, spec: Specification) -> np.ndarray:
    """Means of all targets of a specification at the estimate of another."""
    unit = [factor_place(spec, name, value) for name, value in zip(found.estimates["parameter"],
                                                                   found.estimates["estimate"])]  # fmt: skip
    return Markets(spec)(np.array([unit]), fresh=True)[0].mean(axis=0)


def factor_place(spec: Specification, name: str, value: float) -> float:
    """Where a value lies in its range, from 0 to 1."""
    factor = spec.parameters[name]
    if factor.scale == "log":
        return float(np.log(value / factor.low) / np.log(factor.high / factor.low))
    return (value - factor.low) / (factor.high - factor.low)


def without_each(whole: Specification, seeds: int, budget: int) -> pd.DataFrame:
    """A row a target: what a calibration to the others says of it, and whether they can be met."""
    rows, names = [], list(TARGETS)
    for place, name in enumerate(names):
        found = calibrated(specification([each for each in names if each != name], seeds, budget))
        value, error = TARGETS[name]
        others = float(np.nanmax(np.abs(found.fit["residual_in_errors"])))
        fit = predicted(found, whole)[place]
        rows.append(
            {"left out": name, "published": value, "error": error, "others give": fit,
             "off in errors": (value - fit) / error, "worst of the others, in errors": others,
             "J of the others": found.facts["j"], "p of the others": found.facts["p"]}
        )  # fmt: skip
    return pd.DataFrame(rows)


def plot(fit: pd.DataFrame, left_out: pd.DataFrame) -> Figure:
    """Residuals of the calibration to all targets, and of each target when it is left out."""
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(fit))
    axes.barh(places - 0.19, fit["residual_in_errors"], 0.36, color=COLOURS[0], label="calibrated to all")
    axes.barh(places + 0.19, left_out["off in errors"], 0.36, color=COLOURS[1], label="calibrated to the others")
    for place in (-CLASH, CLASH):
        axes.axvline(place, color="0.4", linestyle="--", linewidth=0.9)
    dress_axes(axes, "published less model, in errors of the published figure (dashed: 2 errors)", "")
    axes.set_yticks(places, fit["target"])
    axes.invert_yaxis()
    axes.legend(frameon=False, fontsize=8)
    return figure


def answers(out: Experiment, found: Calibration, left_out: pd.DataFrame) -> None:
    """Report which targets are missed, and which target must be left out for the others to be met."""
    fit, facts = found.fit, found.facts
    missed = fit[fit["residual_in_errors"].abs() > CLASH]
    names = (f"{row['target']} ({row['value']:.3g} published, {row['fit']:.3g} in the model, "
             f"{row['residual_in_errors']:+.1f} errors)" for _, row in missed.iterrows())  # fmt: skip
    test = f"J = {facts['j']:.3g} with {facts['degrees_of_freedom']} degrees of freedom, p = {facts['p']:.2g}"
    which = ", ".join(names) or "none by more than 1.96 errors"
    clash = f"All six cannot be met together ({test}); missed: {which}."
    out.answer(clash if facts["p"] < 0.05 else f"All six can be met together ({test}).")
    free = left_out[left_out["p of the others"] >= 0.05]
    exclusions = (f"{row['left out']} (p = {row['p of the others']:.2g}; it then is {row['others give']:.3g} against "
            f"{row['published']:.3g})" for _, row in free.iterrows())  # fmt: skip
    out.answer(f"The other five can be met without {'; or without '.join(exclusions)}." if len(free) else
               "Whichever one of the 6 is left out, the other five cannot be met together.")  # fmt: skip
    told = (f"{row['parameter']} {row['estimate']:.3g}" + (f" ± {row['standard_error']:.2g}"
            if np.isfinite(row["standard_error"]) else " (on a bound)" if row["on_bound"] else " (not identified)")
            for _, row in found.estimates.iterrows())  # fmt: skip
    out.answer(f"Estimates: {', '.join(told)}. {found.headline}")


def main() -> None:
    """Calibrate to all figures, then without each, and write what clashes."""
    with experiment(__doc__, "calibrate_2025") as out:
        seeds, budget = out.runs(20, 5), out.runs(200, 24)
        spec = specification(list(TARGETS), seeds, budget)
        found = calibrated(spec)
        left_out = without_each(spec, seeds, budget)
        answers(out, found, left_out)
        out.text(
            f"{found.facts['points']} points of {seeds} runs; the fit is of {found.facts['fresh_seeds']} fresh runs. "
            + " ".join(found.notes)
        )
        out.picture("residuals", plot(found.fit, left_out), "Published figures less the model's")
        out.table("fit", found.fit, "Calibrated to all six")
        out.table("left_out", left_out, "Calibrated to the other five")
        out.table("estimates", found.estimates, "Estimates")
        out.table("identification", found.identification)
        (out.folder / "calibrated.toml").write_text(found.scenario.to_toml(), encoding="utf-8")


if __name__ == "__main__":
    main()
