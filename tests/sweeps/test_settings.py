"""Designs that are refused, by section, key and value."""

import pytest

from abm.scenario.parameters import STRATEGY
from tests.design_texts import CHURN_RANGE, HEAD, refusal, refused

# --- refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[replications]\ncount = 0", "[replications] count = 0 is not an integer of at least 1"),
        ("[replications]\ncount = 10000001", "[replications] count = 10000001 is above 10000000"),
        ("[collect]\nsteps = 10000001", "[collect] steps = 10000001 is above 10000000"),
        ("[collect]\npanel = 10000001", "[collect] panel = 10000001 is above 10000000"),
        ("[replications]\ncount = 2.0", "[replications] count = 2.0 is not an integer of at least 1"),
        ("[replications]\ncount = true", "[replications] count = True is not an integer of at least 1"),
        ("[replications]\nseed = -1", "[replications] seed = -1 is outside [0, 2^63)"),
        ('[replications]\nseed = "a"', "[replications] seed = 'a' is not an integer; allowed is [0, 2^63)"),
        ("[replications]\ncommon = 1", "[replications] common = 1 is not true or false"),
        ("[replications]\ncuont = 3", "[replications] unknown key 'cuont' (did you mean 'count'?)"),
        ("replications = 3", "[replications] is 3, not a table of keys and values"),
        ('[collect]\nlevel = "fll"', "[collect] level = 'fll' is not light or full (did you mean 'full'?)"),
        ("[collect]\nlevel = [1]", "[collect] level = [1] is not light or full"),
        ("[collect]\nsteps = 0", "[collect] steps = 0 is not an integer of at least 1"),
        ("[collect]\nsteps = true", "[collect] steps = True is not an integer of at least 1"),
        (
            '[collect]\nsteps = "non"',
            "[collect] steps = 'non' is not none, all or an integer of at least 1 (did you mean 'none'?)",
        ),
        ("[collect]\nlives = 1", "[collect] lives = 1 is not true or false"),
        ('[collect]\nfirms = "no"', "[collect] firms = 'no' is not true or false"),
        ("[collect]\npanel = -1", "[collect] panel = -1 is not an integer of at least 0"),
        ("[collect]\nevery = 1", "[collect] unknown key 'every' (did you mean 'level'?)"),
        (
            '[design]\nmethod = "sobl"',
            "[design] method = 'sobl' is not grid, list, latin, sobol, morris or saltelli (did you mean 'sobol'?)",
        ),
        ("[design]\npoints = 0", "[design] points = 0 is not an integer of at least 1"),
        ("[design]\npoints = nan", "[design] points = nan is not an integer of at least 1"),
        ("[design]\nseed = 0.5", "[design] seed = 0.5 is not an integer; allowed is [0, 2^63)"),
        ("[design]\nfile = 3", "[design] file = 3 is not the path of a CSV or Parquet file"),
        ('[design]\nfile = "a.csv"', "[design] file = 'a.csv' is for method = \"list\" only"),
        (
            '[design]\nmethod = "list"',
            '[design] file is missing: method = "list" reads its points from a CSV or Parquet file',
        ),
        ("[design]\npoints = 3", '[design] points = 3 means nothing for method = "grid" without a range'),
        (
            "[design]\npoints = 3\n[factors]\nchurn = [0.5]",
            '[design] points = 3 means nothing for method = "grid" without a range',
        ),
        (
            f"[factors]\n{CHURN_RANGE}",
            '[design] points is missing: method = "grid" needs the number of levels of a range',
        ),
        (f"[factors]\n{CHURN_RANGE}\n[design]\npoints = 1", "[design] points = 1 is below 2, the two ends of a range"),
        ('[design]\nmethod = "latin"\npoints = 3', '[design] method = "latin" needs [factors]'),
        (
            '[factors]\nchurn = [0.5]\n[design]\nmethod = "morris"',
            '[design] points is missing: method = "morris" needs the number of trajectories',
        ),
        (
            f'[factors]\n{CHURN_RANGE}\n[design]\nmethod = "saltelli"\npoints = 3333334',
            "[design] the design has 10000002 points; at most 10000000 are allowed",
        ),
        (
            f"[factors]\n{CHURN_RANGE}\nspillover = {{low = 0, high = 1}}\n[design]\npoints = 100000",
            "[design] the design has 10000000000 points; at most 10000000 are allowed",
        ),
        ("[factor]\nchurn = [0.5]", "unknown key 'factor' (did you mean 'factors'?)"),
        ("points = 3", "unknown key 'points' (it belongs in [design])"),
        ("seed = 3", "unknown key 'seed' (it belongs in [design] or [replications])"),
        ("factors = 3", "[factors] is 3, not a table of keys and values"),
        ("[[set]]\nsteps = 3", "[set] is [{'steps': 3}], not a table of keys and values"),
        ("[set]\nstepz = 3", "[set] unknown parameter 'stepz' (did you mean 'steps'?)"),
        ("[set]\nsteps = 0", "[set] steps = 0 is outside [1, 1e7]"),
        ("[set]\nsteps = 8.0", "[set] steps = 8.0 is not an integer; allowed is [1, 1e7]"),
        ("[set]\nchurn = nan", "[set] churn = nan is not a number; allowed is (0, 1]"),
        ("[set]\ncapacity = 5\ninitial_firms = 6", "[set] initial_firms = 6 is above capacity = 5"),
        ('[set]\nname = "mine"', "[set] unknown parameter 'name'"),
        ("[set]\nchurn = 0.5\n[factors]\nchurn = [0.5]", "[set] churn would be overwritten by the factor churn"),
        (
            "[set]\nstrategies.adaptive.weight = 2\n[factors]\nweight = [1, 2]",
            "[set] strategies.adaptive.weight would be overwritten by the factor weight",
        ),
        ("[factors]\nchrun = [0.5]", "[factors] unknown parameter 'chrun' (did you mean 'churn'?)"),
        ("[factors]\nchrun = {low = 1, high = 2}", "[factors] unknown parameter 'chrun' (did you mean 'churn'?)"),
        (
            "[factors]\nsectors.enterprize.demand_share = [1]",
            "[factors] unknown parameter 'sectors.enterprize' (did you mean 'sectors.enterprise.churn'?)",
        ),
        (
            '[factors]\nsectors.enterprise.demand_share = [1]\n"sectors.enterprise.demand_share" = [1]',
            "[factors] sectors.enterprise.demand_share is there twice",
        ),
        (
            "[factors]\nchurn = 0.5",
            "[factors] churn = 0.5 is neither a list of levels nor a range {low = .., high = ..}; "
            "one value for all runs belongs in [set]",
        ),
        ("[factors]\nchurn = []", "[factors] churn is an empty list; give at least one level"),
        ("[factors]\nchurn = [0.5, 2]", "[factors] churn = 2 is outside (0, 1]"),
        ("[factors]\nchurn = [0.5, nan]", "[factors] churn = nan is not a number; allowed is (0, 1]"),
        ("[factors]\nchurn = [1, 1.0]", "[factors] churn: the level 1.0 is there twice"),
        ("[factors]\nsteps = [1.5]", "[factors] steps = 1.5 is not an integer; allowed is [1, 1e7]"),
        (
            "[factors]\nsectors.enterprise.quality_elasticity = [11]",
            "[factors] sectors.enterprise.quality_elasticity: quality_elasticity = 11 is outside [0, 10]",
        ),
        (
            "[factors]\npolicy = {low = 1, high = 2}",
            "[factors] policy = {'low': 1, 'high': 2} is a range, which is for numbers; "
            f"give a list of {STRATEGY['policy'].allowed}",
        ),
        (
            '[factors]\nchurn = {low = 0.1, high = 1, scal = "log"}',
            "[factors] churn: unknown key 'scal' (did you mean 'scale'?)",
        ),
        ("[factors]\nchurn = {low = 0.1}", "[factors] churn: high is missing"),
        ("[factors]\nchurn = {low = 0, high = 1}", "[factors] churn: low: churn = 0 is outside (0, 1]"),
        ("[factors]\nchurn = {low = 0.5, high = 0.5}", "[factors] churn: low = 0.5 is not below high = 0.5"),
        (
            "[factors]\nrunway = {low = 1, high = inf}",
            "[factors] runway: high = inf is no end of a range; give a finite one, or a list of levels",
        ),
        (
            '[factors]\nchurn = {low = 0.1, high = 1, scale = "lgo"}',
            "[factors] churn: scale = 'lgo' is not linear or log (did you mean 'log'?)",
        ),
        (
            '[factors]\nspillover = {low = 0, high = 1, scale = "log"}',
            "[factors] spillover: low = 0.0 is not above 0, as a log scale needs it",
        ),
    ],
)
def test_what_is_refused_is_named_with_its_section_and_key(text, message):
    assert refused(text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "scenario: it is missing; give a path to a TOML file or one of applications, article"),
        ("scenario = 3", "scenario: 3 is neither a name nor a path"),
        ('scenario = "four-sector"', "scenario: unknown scenario 'four-sector' (did you mean 'four-sectors'?): give"),
        ('scenario = "gone.toml"', "scenario: ./gone.toml: No such file or directory"),
        (f"{HEAD}firms = 3", "firms: 3 is not the path of a firm table"),
        (f'{HEAD}firms = "gone.csv"', "firms: gone.csv: No such file or directory"),
    ],
)
def test_a_wrong_scenario_or_firm_table_is_refused(text, message):
    assert refusal(text).startswith(message)
