"""The tables of a calibration, made of its search: estimates, fit, identification, optima and points."""

from typing import TYPE_CHECKING, Any

import numpy as np

from abm.calibration.inference import LEVEL, Inference
from abm.calibration.notes import headline_of, notes_of
from abm.calibration.results import Calibration
from abm.calibration.search import Found, Point, Searcher
from abm.calibration.specification import Specification
from abm.output.number_text import number
from abm.sweeps.design.factors import Factor

if TYPE_CHECKING:
    import pandas as pd

_FAR = 0.1  # of a range by which another optimum differs from the best


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
    notes = notes_of(spec, estimates, optima, facts, found)
    return Calibration(
        estimates, fit, _identification(spec, searcher, found, known, directions), optima, points, outcomes,
        headline_of(spec, estimates), notes, facts, scenario,
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
