"""What is printed after a run: the numbers of its frames, readable on a terminal and in a pipe."""

import io
from types import SimpleNamespace

import pytest
from rich.cells import cell_len
from rich.console import Console

from abm.output.tables import new_table, parameter_table, print_table, print_text, scenario_table
from abm.output.terminal import print_summary, progress, progress_bar
from abm.scenario.listing import listing_rows
from abm.scenario.parameters import PARAMETERS
from abm.scenario.scenario import Scenario, describe
from abm.simulation.simulate import simulate

BASE = Scenario.load("four-sectors").replace(capacity=80, steps=40)
FILES = [f"runs/one/{name}" for name in ("steps.parquet", "firms.parquet", "run.json", "overview.png")]
DYING = {"R0": 1e-3, "k3": 0.0, "runway": 0.5, "entry_rate": 0.0}
TWENTY = [{"name": f"strategy_{place:02d}", "technology_weight": 0.5} for place in range(20)]


def printed(write, *arguments, width=80, terminal=False):
    """What a function prints to a console of some width, on a terminal without colours or in a pipe."""
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, legacy_windows=False)
    write(*arguments, console)
    return console.file.getvalue()


def with_outcomes(result, **outcomes):
    series = result.outcomes.copy()
    for name, value in outcomes.items():
        series[name] = value
    return SimpleNamespace(
        scenario=result.scenario, seed=result.seed, firms=result.firms, lives=result.lives, outcomes=series
    )


@pytest.fixture(scope="module")
def result():
    return simulate(BASE, seed=3)


def test_the_first_line_tells_which_run_it_was(result):
    first = printed(print_summary, result, FILES).splitlines()[0]
    assert first.strip() == "four-sectors, seed 3: 40 steps, 4 sectors, 5 strategies"


def test_each_strategy_has_its_firms_customers_and_state_from_the_frames(result):
    rows = {
        line.split()[0]: line.split()[1:] for line in printed(print_summary, result, FILES).splitlines() if line.strip()
    }
    for strategy in result.scenario.strategies:
        firms = result.firms[result.firms["strategy"] == strategy.name]
        at_start = (result.lives["strategy"] == strategy.name) & (result.lives["entry_step"] == 0)
        share = firms["B"].sum() / result.firms["B"].sum()
        means = [f"{firms[x].mean():.2f}" for x in ("T", "C", "R")]
        start, end, customers, *state = rows[strategy.name]
        assert [int(start), int(end), *state] == [at_start.sum(), len(firms), *means]
        assert float(customers.rstrip("%")) == pytest.approx(100 * share, abs=0.51)
        assert 100 * share == pytest.approx(100 * result.steps[f"share_{strategy.name}"].iloc[-1])
    assert rows["all"][:3] == ["80", str(len(result.firms)), "100%"]


def test_strategies_are_sorted_by_their_customers(result):
    lines = printed(print_summary, result, FILES).splitlines()
    names = {strategy.name for strategy in result.scenario.strategies}
    shown = [line.split()[0] for line in lines if line.split() and line.split()[0] in names]
    assert shown == list(result.firms.groupby("strategy")["B"].sum().sort_values(ascending=False).index)


def test_structure_growth_peak_survival_and_winner_come_with_the_numbers_they_rest_on(result):
    outcomes = result.outcomes
    text = " ".join(printed(print_summary, result, FILES).split())
    assert f"structure {outcomes['structure']}: sector HHI {outcomes['sector_hhi']:,.0f} (" in text
    assert f"HHI {outcomes['hhi']:,.0f}, four largest {100 * outcomes['cr4']:.0f}%" in text
    assert f"growth {outcomes['growth']} (" in text
    assert f"): {100 * outcomes['virtuous_share']:.0f}% of customers are with firms above" in text
    assert f"weighted R {outcomes['weighted_R']:.2f}" in text
    assert f"peak of {outcomes['peak_firms']:,} at the start, {len(result.firms)} at the end" in text
    assert f"survival {100 * outcomes['survival']:.0f}% of the initial firms" in text
    winner = outcomes["winner"]
    assert f"winner {winner}, {100 * outcomes[f'share_{winner}']:.0f}% of customers" in text
    assert "means over the last 10 steps" in text


@pytest.mark.parametrize(
    ("structure", "words"),
    [("monopoly", "80%"), ("oligopoly", "highly"), ("moderate", "1,000 or more"), ("fragmented", "below 1,000"),
     ("collapsed", "no firm is left")],
)  # fmt: skip
def test_each_structure_is_explained(result, structure, words):
    text = printed(print_summary, with_outcomes(result, structure=structure), FILES, width=120)
    line = next(line for line in text.splitlines() if line.startswith("structure"))
    assert structure in line
    assert words in line


@pytest.mark.parametrize(
    ("growth", "words"),
    [("virtuous", "more than half"), ("vicious", "R below 1"), ("stagnant", "nor R below 1"), (None, "none to judge")],
)
def test_each_kind_of_growth_is_explained(result, growth, words):
    text = " ".join(printed(print_summary, with_outcomes(result, growth=growth), FILES).split())
    assert words in text[text.index(" growth ") : text.index(" firms peak ")]


def test_a_peak_during_the_run_has_its_step(result):
    text = printed(print_summary, with_outcomes(result, peak_firms=305, peak_step=1234), FILES)
    assert "peak of 305 at step 1,234" in text


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("strategies", [TWENTY, TWENTY[:1]])
def test_the_summary_fits_a_screen(width, strategies):
    twenty = simulate(Scenario(strategies=strategies, capacity=100, steps=20))
    lines = printed(print_summary, twenty, FILES[:1], width=width, terminal=True).splitlines()
    assert len(lines) <= 25
    assert max(len(line) for line in lines) <= width


def test_strategies_beyond_eight_are_summed_up_in_one_row():
    twenty = simulate(Scenario(strategies=TWENTY, capacity=100, steps=20))
    lines = printed(print_summary, twenty, FILES, terminal=True).splitlines()
    rest = next(line.split() for line in lines if line.startswith("12 smaller"))
    named = [line.split() for line in lines if line.startswith("strategy_")]
    assert len(named) == 8
    assert int(rest[2]) + sum(int(row[1]) for row in named) == 100
    assert int(rest[3]) + sum(int(row[2]) for row in named) == len(twenty.firms)


@pytest.mark.filterwarnings("error")
def test_in_a_pipe_every_strategy_is_there_with_its_whole_name_and_each_fact_is_one_line():
    long = [entry | {"name": f"{entry['name']}_{'of_a_long_name' * 5}"} for entry in TWENTY]
    twenty = simulate(Scenario(strategies=long, capacity=100, steps=20))
    text = printed(print_summary, twenty, FILES, width=20)
    names = [line.split()[0] for line in text.splitlines() if line.startswith("strategy_")]
    assert sorted(names) == [entry["name"] for entry in long]
    assert "…" not in text
    assert next(line for line in text.splitlines() if line.startswith("growth ")).endswith(
        f"weighted R {twenty.outcomes['weighted_R']:.2f}"
    )
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_a_table_keeps_to_the_terminal_and_is_whole_in_a_pipe_whatever_columns_says(monkeypatch):
    def write(console):
        table = new_table()
        table.add_column("name", no_wrap=True, max_width=12)
        table.add_column("text", no_wrap=True)
        table.add_row("n" * 40, "word " * 40 + "end")
        print_table(table, console)
        print_text("a " * 100 + "z", console)

    monkeypatch.setenv("COLUMNS", "30")
    assert max(map(len, printed(write, width=80, terminal=True).splitlines())) <= 80
    lines = printed(write, width=None).splitlines()
    assert len(lines) == 3
    assert "n" * 40 in lines[1] and lines[1].endswith("end") and lines[2].endswith("z")


def test_an_empty_market_has_a_summary_without_numbers_that_are_none():
    empty = simulate(BASE.replace(**DYING))
    text = printed(print_summary, empty, FILES)
    assert "collapsed: no firm is left" in text
    assert "none to judge: no firm in the last 10 steps" in text
    assert "0 at the end" in text
    assert "nan" not in text.lower()


def test_names_are_not_read_as_markup(result):
    odd = SimpleNamespace(**vars(with_outcomes(result)) | {"scenario": BASE.replace(name="[bold]x[/] :smile:")})
    assert "[bold]x[/] :smile:, seed 3" in printed(print_summary, odd, FILES)


def test_nothing_but_text_goes_into_a_pipe(result):
    assert "\x1b" not in printed(print_summary, result, FILES)


def test_a_long_path_is_not_broken(result):
    folder = "/".join(["a-rather-long-name-of-a-folder"] * 8)
    assert f"{folder}/ steps.parquet, run.json" in printed(
        print_summary, result, [f"{folder}/steps.parquet", f"{folder}/run.json"]
    )


def test_progress_is_shown_on_a_terminal_and_nowhere_else():
    def work(console):
        with progress(3, "[runs]", console) as advance:
            advance()
            advance(2)

    assert printed(work) == ""
    shown = printed(work, terminal=True, width=120)
    assert "[runs]" in shown
    assert "3 of 3" in shown
    assert "time left" in shown


@pytest.mark.parametrize("counts", [True, False])
def test_a_bar_shows_what_is_done_and_counts_only_where_it_is_asked_to(counts):
    def work(console):
        with progress_bar(console, counts=counts) as show:
            show("3 of 8 [runs], 1 of 2 workers", 3, 8)

    assert printed(work) == ""
    shown = printed(work, terminal=True, width=140)
    assert "3 of 8 [runs], 1 of 2 workers" in shown
    assert ("after" in shown) == counts


def test_progress_goes_to_standard_error_by_default(capsys):
    with progress(1, "runs") as advance:
        advance()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_every_parameter_and_its_meaning_can_be_read_on_a_terminal(width):
    text = printed(parameter_table, listing_rows(), width=width, terminal=True)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    for parameter in PARAMETERS:
        if parameter.level != "firm":
            assert any(line.startswith(f"{parameter.name} ") for line in text.splitlines())
            assert width >= 120 or parameter.meaning in " ".join(text.split())


def test_a_parameter_is_one_line_in_a_pipe():
    lines = printed(parameter_table, listing_rows()).splitlines()
    for row in listing_rows():
        line = next(line for line in lines if line.startswith(f"{row['parameter']} "))
        assert all(row[column] in line for column in ("symbol", "allowed", "default", "neutral", "meaning"))


def test_scenarios_are_listed_with_what_they_show():
    rows = [(name, describe(name)) for name in Scenario.bundled()]
    lines = printed(scenario_table, rows).splitlines()
    assert [line.split(maxsplit=1) for line in map(str.rstrip, lines)] == [list(row) for row in rows]
    assert max(len(line) for line in printed(scenario_table, rows, terminal=True).splitlines()) <= 80
