"""What a calibration found: tables of the estimates, of the fit, and of what the targets identify."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.calibration.inference import LEVEL, Inference
from abm.calibration.search import Found, Point, Searcher
from abm.calibration.specification import Specification
from abm.errors import InputError
from abm.scenario.scenario import Scenario
from abm.sweeps.design.factors import Factor

if TYPE_CHECKING:
    import pandas as pd

_FAR = 0.1  # of a range by which another optimum differs from the best


@dataclass(frozen=True, eq=False)
class Calibration:
    """What `calibrate` found.

    Attributes
    ----------
    estimates : DataFrame
        A row a parameter: `parameter estimate standard_error low high` (of the 95 % interval), `identified`,
        `on_bound` (`low`, `high` or nothing), and the range that was searched. No error stands where the targets do not
        identify a parameter or its estimate is on a bound.
    fit : DataFrame
        A row a target: `target value error fit fit_error residual residual_in_errors`; fit and its error are of fresh
        runs.
    identification : DataFrame
        A row a number: `kind` (`singular_value`, `condition_number`, `direction`, `sensitivity`), the number of the
        `direction`, `parameter`, `target`, `value`, and `text`. A direction's values are moves that leave all targets
        within a standard error; a sensitivity is the change of the estimate by one error of the target.
    optima : DataFrame
        Where the starts ended: parameters, `distance`, and `as_good` where another optimum fits as well as the best,
        within the data's errors.
    points, outcomes : DataFrame
        Every point that was tried, and the outcomes of its runs.
    headline : str
        The most important result, in one sentence.
    notes : list of str
    facts : dict
        How the numbers were made, and the test of the fit.
    scenario : Scenario
        The calibrated one.
    """

    estimates: "pd.DataFrame"
    fit: "pd.DataFrame"
    identification: "pd.DataFrame"
    optima: "pd.DataFrame"
    points: "pd.DataFrame"
    outcomes: "pd.DataFrame" = field(repr=False)
    headline: str
    notes: list[str]
    facts: dict[str, Any]
    scenario: Scenario = field(repr=False)

    def __repr__(self) -> str:
        return f"Calibration({len(self.estimates)} parameters, {len(self.fit)} targets: {self.headline})"


def calibration_of(
    spec: Specification, searcher: Searcher, found: Found, known: Inference, outcomes: "pd.DataFrame"
) -> Calibration:
    """The tables of a search.

    Parameters
    ----------
    spec : Specification
    searcher : Searcher
    found : Found
    known : Inference
    outcomes : DataFrame
        A row a run.
    """
    estimates = _estimates(spec, found, known)
    optima = _optima(spec, searcher, found, known)
    fit = _fit(searcher, known)
    values = dict(zip(estimates["parameter"], estimates["estimate"]))
    values = {name: int(value) if spec.parameters[name].parameter.kind == "int" else float(value)
              for name, value in values.items()}  # fmt: skip
    scenario = spec.scenario.replace(name=f"{spec.scenario.name}-calibrated", **values)
    points = _points(spec, searcher, found)
    directions = _directions(spec, found, known)
    test, tried = known.test, points[points["stage"].isin(["screening", "descent"])]
    facts = {
        "distance": searcher.distance(_best(searcher, found), found.weighting),
        "j": test.j,
        "degrees_of_freedom": test.degrees,
        "p": test.p,
        "condition_number": known.identification.condition,
        "weighting": spec.search.weighting,
        "seeds": spec.search.seeds,
        "fresh_seeds": len(found.fresh),
        "points": len(tried),
        "failed_points": int((points["failed_runs"] > 0).sum()),
        "failed_runs": int(points["failed_runs"].sum()),
        "level": LEVEL,
        "directions": directions,
    }
    notes = _notes(spec, estimates, optima, facts, found)
    return Calibration(
        estimates, fit, _identification(spec, searcher, found, known, directions), optima, points, outcomes,
        _headline(spec, estimates, known), notes, facts, scenario,
    )  # fmt: skip


def _best(searcher: Searcher, found: Found) -> Point:
    usable = (point for point in searcher.points if point.stage in ("screening", "descent"))
    return min(usable, key=lambda point: searcher.distance(point, found.weighting))


def natural(factor: Factor, unit: float) -> float:
    """The value at a point of the unit interval."""
    return float(factor.at(np.array([unit]))[0])


def interval(factor: Factor, unit: float, error: float) -> tuple[float, float, float]:
    """Standard error, low and high end of the interval of an estimate; of a logarithmic range in logarithms.

    Parameters
    ----------
    factor : Factor
    unit, error : float
        The estimate and its standard error in the unit interval.

    Examples
    --------
    >>> from abm.scenario.parameters import MARKET
    >>> factor = Factor.read("churn", {"low": 0.2, "high": 0.8}, MARKET["churn"])
    >>> [round(float(each), 3) for each in interval(factor, 0.5, 0.1)]
    [0.06, 0.382, 0.618]
    """
    from scipy.stats import norm

    half = norm.ppf(0.5 + LEVEL / 2.0) * error
    if factor.scale == "log":
        width = float(np.log(factor.high / factor.low))
        middle = float(np.log(factor.low)) + unit * width
        return (
            float(np.exp(middle)) * width * error,
            float(np.exp(middle - half * width)),
            float(np.exp(middle + half * width)),
        )
    width = factor.high - factor.low
    middle = factor.low + unit * width
    return width * error, middle - half * width, middle + half * width


def _estimates(spec: Specification, found: Found, known: Inference) -> "pd.DataFrame":
    import pandas as pd

    rows, free = [], np.flatnonzero(known.free)
    identified = np.zeros(len(found.estimate), dtype=bool)
    identified[free] = known.identification.identified
    for index, (name, factor) in enumerate(spec.parameters.items()):
        error, low, high = interval(factor, found.estimate[index], known.standard_errors[index])
        rows.append(
            {
                "parameter": name,
                "estimate": natural(factor, found.estimate[index]),
                "standard_error": error,
                "low": low,
                "high": high,
                "identified": bool(identified[index]),
                "on_bound": {-1: "low", 0: "", 1: "high"}[int(found.on_bound[index])],
                "range_low": factor.low,
                "range_high": factor.high,
                "scale": factor.scale,
            }
        )
    return pd.DataFrame(rows)


def _fit(searcher: Searcher, known: Inference) -> "pd.DataFrame":
    import pandas as pd

    problem = searcher.problem
    residual = problem.values - known.fit
    return pd.DataFrame(
        {
            "target": problem.names,
            "value": problem.values,
            "error": known.own_errors,
            "fit": known.fit,
            "fit_error": known.fit_errors,
            "residual": residual,
            "residual_in_errors": residual / known.residual_errors,
            "error_given": np.isfinite(problem.errors) & ~problem.of_data,
        }
    )


def _points(spec: Specification, searcher: Searcher, found: Found) -> "pd.DataFrame":
    import pandas as pd

    unit = np.array([point.unit for point in searcher.points])
    table = {
        "point": np.arange(len(unit)),
        "stage": [point.stage for point in searcher.points],
        "start": [point.start for point in searcher.points],
    }
    table |= {name: factor.at(unit[:, index]) for index, (name, factor) in enumerate(spec.parameters.items())}
    table["distance"] = [searcher.distance(point, found.weighting) for point in searcher.points]
    table["failed_runs"] = [point.failed_runs for point in searcher.points]
    means = np.array([point.means for point in searcher.points])
    table |= {f"mean.{name}": means[:, index] for index, name in enumerate(searcher.problem.names)}
    return pd.DataFrame(table)


def _optima(spec: Specification, searcher: Searcher, found: Found, known: Inference) -> "pd.DataFrame":
    """Where the starts ended, the best first; those as good as the best but elsewhere are marked."""
    import pandas as pd
    from scipy.stats import chi2

    best = searcher.distance(_best(searcher, found), found.weighting)
    limit = best + float(chi2.ppf(LEVEL, max(int(known.free.sum()), 1)))
    # Only identified parameters count: one that the targets do not identify fits as well anywhere in its range.
    told = np.isfinite(known.standard_errors) | (found.on_bound != 0)
    rows = []
    for point in sorted(found.ends, key=lambda point: searcher.distance(point, found.weighting)):
        distance = searcher.distance(point, found.weighting)
        far = np.abs(point.unit - found.estimate) > np.fmax(_FAR, 2.0 * known.standard_errors)
        rows.append(
            {name: natural(factor, point.unit[index]) for index, (name, factor) in enumerate(spec.parameters.items())}
            | {"start": point.start, "distance": distance, "as_good": bool(distance <= limit and far[told].any())}
        )
    return pd.DataFrame(rows)


def _moved(factor: Factor, unit: float, move: float) -> float:
    """A move in the unit interval, in the parameter's own unit."""
    return natural(factor, min(max(unit + move, 0.0), 1.0)) - natural(factor, unit)


def _directions(spec: Specification, found: Found, known: Inference) -> list[dict[str, Any]]:
    """Each direction with its singular value, its move and its text, the worst identified last."""
    from abm.output.number_text import number

    free = np.flatnonzero(known.free)
    names = list(spec.parameters)
    made = []
    for index, singular in enumerate(known.identification.singular):
        move = known.moves[index]
        steps = {}
        for parameter in sorted(free, key=lambda each: -abs(known.moves[index][each])):
            if abs(move[parameter]) > 0.1 * np.max(np.abs(move)):
                factor = spec.parameters[names[parameter]]
                steps[names[parameter]] = _moved(factor, found.estimate[parameter], move[parameter])
        words = [f"{name} {'up' if step > 0 else 'down'} {number(abs(step))}" for name, step in steps.items()]
        text = " with ".join([words[0], " and ".join(words[1:])]) if len(words) > 1 else "".join(words)
        made.append(
            {
                "singular_value": float(singular),
                "identified": bool(known.identification.seen[index]),
                "moves": steps,
                "text": f"{text} leaves all targets within their errors",
            }
        )
    return made


def _identification(
    spec: Specification, searcher: Searcher, found: Found, known: Inference, directions: list[dict[str, Any]]
) -> "pd.DataFrame":
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for index, each in enumerate(directions, 1):
        text = each["text"] if each["identified"] else f"not identified: {each['text']}"
        rows.append({"kind": "singular_value", "direction": index, "value": each["singular_value"], "text": text})
        rows += [
            {"kind": "direction", "direction": index, "parameter": name, "value": step}
            for name, step in each["moves"].items()
        ]
    rows.append({"kind": "condition_number", "value": known.identification.condition})
    for index, (name, factor) in enumerate(spec.parameters.items()):
        if not np.isfinite(known.standard_errors[index]):
            continue
        for target, answer, error in zip(searcher.problem.names, known.sensitivity[index], known.own_errors):
            slope = interval(factor, found.estimate[index], 1.0)[0]
            rows.append(
                {"kind": "sensitivity", "parameter": name, "target": target, "value": float(answer * slope * error)}
            )
    frame = pd.DataFrame(rows, columns=["kind", "direction", "parameter", "target", "value", "text"])
    return frame.astype({"direction": "Int64"})


def _headline(spec: Specification, estimates: "pd.DataFrame", known: Inference) -> str:
    """The most important result: which parameters the targets do not identify, or that they identify all."""
    count, targets = len(estimates), len(spec.targets)
    bound = list(estimates.loc[estimates["on_bound"] != "", "parameter"])
    blind = list(estimates.loc[~estimates["identified"] & (estimates["on_bound"] == ""), "parameter"])
    parts = []
    if targets < count:
        parts.append(f"{targets} target{'s' * (targets != 1)} cannot identify {count} parameters")
    if blind:
        parts.append(f"the targets do not identify {_listed(blind)}")
    if bound:
        parts.append(f"on the end of the range searched: {_listed(bound)}")
    said = "; ".join(parts) or f"the targets identify all {count} parameters" * (count > 1)
    said = said or "the targets identify the parameter"
    return f"{said[:1].upper()}{said[1:]}."


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _notes(
    spec: Specification, estimates: "pd.DataFrame", optima: "pd.DataFrame", facts: dict[str, Any], found: Found
) -> list[str]:
    from abm.output.number_text import number

    notes = list(found.notes)
    for _, row in optima[optima["as_good"]].iterrows():
        where = ", ".join(f"{name} = {number(row[name])}" for name in spec.parameters)
        notes.append(f"Another optimum fits as well as the best, within the data's errors: {where}.")
    for _, row in estimates[estimates["on_bound"] != ""].iterrows():
        end = row["range_low"] if row["on_bound"] == "low" else row["range_high"]
        notes.append(
            f"{row['parameter']} is on the {row['on_bound']} end of its range, {number(end)}: it has no standard "
            "error, and those of the others hold for it fixed there."
        )
    if facts["failed_points"]:
        some = facts["failed_points"]
        notes.append(
            f"{some} point{'s' * (some != 1)} of {facts['points'] + 1 + 2 * len(estimates)} failed: "
            f"{facts['failed_runs']} runs failed or lack a target."
        )
    if facts["degrees_of_freedom"] > 0 and facts["p"] < 0.05:
        notes.append("The targets cannot all be met together by any parameters near the estimate (J test).")
    if not len(optima) or (optima["start"] < 0).all():
        notes.append("The budget was used up by the screening: the estimate is the best of its points.")
    return notes


def written(folder: Path, spec: Specification, about: dict[str, Any]) -> Calibration:
    """A finished calibration as its folder has it.

    Raises
    ------
    InputError
        If a file is missing or cannot be read.
    """
    import pandas as pd

    try:
        frames = {name: pd.read_csv(folder / f"{name}.csv", keep_default_na=True)
                  for name in ("estimates", "fit", "identification")}  # fmt: skip
        frames["estimates"]["on_bound"] = frames["estimates"]["on_bound"].astype(object).fillna("")
        tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("points", "outcomes")}
        scenario = Scenario.load(folder / "calibrated.toml")
    except (OSError, ValueError) as problem:
        raise InputError(f"{folder}: is damaged: {problem}; --overwrite makes all anew") from None
    told = about["facts"]
    return Calibration(
        **frames, optima=pd.DataFrame(told["optima"]), **tables, headline=told["headline"], notes=told["notes"],
        facts={name: told[name] for name in told if name not in ("optima", "headline", "notes")}, scenario=scenario,
    )  # fmt: skip
