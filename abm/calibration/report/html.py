"""The report of a calibration: one HTML file, made of the same sections and by the same template as a comparison's."""

from collections.abc import Iterator

from abm.calibration.report import pictures
from abm.calibration.report.wording import estimate_rows, fit_rows, test_sentence
from abm.calibration.results import Calibration
from abm.calibration.specification import Specification
from abm.comparison.report.html import page
from abm.comparison.report.page import Picture, Section, Table
from abm.output.number_text import number


def report_html(calibration: Calibration, spec: Specification) -> str:
    """The report's text, equal for equal calibrations.

    Parameters
    ----------
    calibration : Calibration
    spec : Specification
    """
    return page(f"Calibration of {spec.scenario.name}", list(_sections(calibration, spec)))


def _sections(calibration: Calibration, spec: Specification) -> Iterator[Section]:
    heads = ("parameter", "estimate", "standard error", "95% interval", "range searched", "")
    yield Section(
        "Estimates",
        sentences=[calibration.headline],
        warnings=calibration.notes,
        tables=[
            Table("estimates", heads, estimate_rows(calibration), "estimates.csv",
                  "Standard errors include the error of the figures and that of the runs.")
        ],
    )  # fmt: skip
    heads = ("target", "value", "its error", "fit", "residual", "in standard errors")
    yield Section(
        "Fit",
        sentences=[
            f"The fit is the mean of {calibration.facts['fresh_seeds']} runs with seeds that the search has not seen.",
            test_sentence(calibration),
        ],
        pictures=[
            Picture("fit", pictures.fit(calibration),
                    "Target less fit, in standard errors of the difference; two dashes are 1.96.", "fit.csv")
        ],
        tables=[Table("fit", heads, fit_rows(calibration), "fit.csv",
                      "* no error given: the spread of a run, or that of your firms where it is larger.")],
    )  # fmt: skip
    yield _identified(calibration)
    yield Section(
        "Search",
        sentences=[
            f"{calibration.facts['points']} points of {calibration.facts['seeds']} runs each, the same seeds at every "
            f"point; {calibration.facts['failed_points']} points failed."
        ],
        pictures=[
            Picture("profiles", pictures.profiles(calibration),
                    "Weighted distance of every point by each parameter; the line joins the best points, the bar is "
                    "the 95% interval.", "points.parquet"),
            Picture("path", pictures.path(calibration),
                    "Weighted distance in the order in which points were tried; the line is the best so far.",
                    "points.parquet"),
        ],
        tables=[_ends(calibration, spec)],
    )  # fmt: skip
    if spec.panel is not None:
        yield Section(
            "Paths",
            sentences=["The user's firms beside runs of the calibrated scenario, at the same steps."],
            pictures=[
                Picture("paths", pictures.paths(calibration, spec),
                        "Line: the data. Band: the middle 90% of runs; its line their mean.", "calibrated.toml")
            ],
        )  # fmt: skip
    yield Section("Again", sentences=["The specification:"], code=spec.text)


def _identified(calibration: Calibration) -> Section:
    directions = calibration.facts["directions"]
    rows = [
        [str(count), each["text"], number(each["singular_value"]), "yes" if each["identified"] else "no"]
        for count, each in enumerate(directions, 1)
    ]
    heads = ("direction", "longest move within the targets' errors", "singular value", "identified")
    condition = calibration.facts["condition_number"]
    tables = [
        Table("directions", heads, rows, "identification.csv",
              "Singular value: standard errors that the targets move along the direction through whole ranges; "
              "identified from 2.", words=2)
    ] if rows else []  # fmt: skip
    answers = calibration.identification[calibration.identification["kind"] == "sensitivity"]
    made = []
    if len(answers):
        made = [
            Picture("sensitivity", pictures.sensitivity(calibration),
                    "Change of each estimate, in its standard errors, were a target larger by one error (Andrews, "
                    "Gentzkow and Shapiro 2017).", "identification.csv")
        ]  # fmt: skip
    return Section(
        "What the targets identify",
        sentences=[f"Condition number of the scaled Jacobian: {number(condition)}."] if rows else [],
        pictures=made,
        tables=tables,
    )


def _ends(calibration: Calibration, spec: Specification) -> Table:
    names = list(spec.parameters)
    rows = [
        [str(int(row["start"]) + 1) if row["start"] >= 0 else "screening", *(number(row[name]) for name in names),
         number(row["distance"]), "yes" if row["as_good"] else ""]
        for _, row in calibration.optima.iterrows()
    ]  # fmt: skip
    heads = ("start", *names, "distance", "another optimum as good")
    return Table("optima", heads, rows, "calibration.json", "Where each start of the least squares ended.")
