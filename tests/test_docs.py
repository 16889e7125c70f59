"""The documents agree with the code: links, functions named, the parameter table, and the diffs shown."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from abm import MarketModel, Scenario, simulate
from abm.scenario.listing import markdown
from abm.scenario.parameters import PARAMETERS
from abm.simulation import outcome_list

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "abm" / "docs"
DOCUMENTS = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted((ROOT / "results").rglob("README.md"))]
REMAKE = (
    "{ grep -v '^|' abm/docs/parameters.md; abm parameters --markdown; } > new.md && mv new.md abm/docs/parameters.md"
)

ELEMENTS = [
    "1. Purpose and patterns",
    "2. Entities, state variables and scales",
    "3. Process overview and scheduling",
    "4. Design concepts",
    "5. Initialization",
    "6. Input data",
    "7. Submodels",
]
CONCEPTS = [
    "Basic principles", "Emergence", "Adaptation", "Objectives", "Learning", "Prediction", "Sensing", "Interaction",
    "Stochasticity", "Collectives", "Observation",
]  # fmt: skip
SECTIONS = [
    *("1.1", "1.2", "1.3", "2.1", "2.2.1", "2.2.2", "2.2.3", "2.3", "3.1"),
    *("3.2 step 1", "3.2 step 2", "3.2 step 3", "3.2 step 4", "3.3", "3.4", "4.1", "4.2", "4.3"),
    *("5.1–5.4", "6.1", "6.2", "6.3", "6.4"),
]


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def links(document: Path) -> list[tuple[str, str]]:
    """Text and target of each link outside code blocks."""
    prose = re.sub(r"^```.*?^```", "", text_of(document), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\[([^\[\]]*)\]\(([^()\s]+)\)", prose)


def anchors(document: Path) -> set[str]:
    """The names by which headings can be linked to."""
    headings = re.findall(r"^#+ (.*)", text_of(document), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def defined_in(path: Path) -> set[str]:
    """Functions, classes and assigned names of a module."""
    nodes = list(ast.walk(ast.parse(text_of(path))))
    named = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return named | {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def diffs() -> list[str]:
    return re.findall(r"^```diff\n(.*?)^```", text_of(DOCS / "extending.md"), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_of_a_document_leads_somewhere(document):
    for _, target in links(document):
        if target.startswith(("https://", "http://")):
            continue
        place, _, heading = target.partition("#")
        file = document.parent / place if place else document
        assert file.exists(), target
        assert not heading or heading in anchors(file), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_link_to_a_module_names_is_defined_there(document):
    for text, target in links(document):
        if target.endswith(".py") and (name := re.fullmatch(r"`(\w+)`", text)):
            assert name[1] in defined_in(document.parent / target), f"{name[1]} is not in {target}"


def test_the_documents_name_functions_by_their_links():
    assert sum(target.endswith(".py") for _, target in links(DOCS / "odd.md")) > 30
    assert sum(target.endswith(".py") for _, target in links(DOCS / "article.md")) > 20


def test_the_protocol_has_its_seven_elements_and_eleven_concepts_in_order():
    text = text_of(DOCS / "odd.md")
    assert re.findall(r"^## (.*)", text, flags=re.MULTILINE) == ELEMENTS
    concepts = text.split(ELEMENTS[3])[1].split("\n## ")[0]
    assert re.findall(r"^\*\*(.*?)\.\*\*", concepts, flags=re.MULTILINE) == CONCEPTS


def test_the_protocol_points_to_every_stage():
    tree = ast.parse(text_of(ROOT / "abm" / "market" / "step.py"))
    imports = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "abm.market.stages"
    ]
    stages = {alias.name for node in imports for alias in node.names}
    assert len(stages) > 9
    pointed_to = {text.strip("`") for text, target in links(DOCS / "odd.md") if target == "../market/stages.py"}
    assert stages - pointed_to == set()


def test_every_section_of_the_article_has_a_row():
    text = text_of(DOCS / "article.md")
    assert re.findall(r"^\| (\d[^|]*) \|", text, flags=re.MULTILINE) == SECTIONS
    assert {line.count("|") for line in text.splitlines() if re.match(r"\| \d", line)} == {7}


@pytest.mark.parametrize("parameter", [each for each in PARAMETERS if each.section != "–"], ids=lambda each: each.name)
def test_a_parameter_of_the_article_is_in_the_row_of_its_section(parameter):
    rows = [line.split(" | ") for line in text_of(DOCS / "article.md").splitlines() if re.match(r"\| \d", line)]
    section = parameter.section.removeprefix("§")
    found = [cells for cells in rows if f"`{parameter.name}`" in cells[3]]
    assert any(cells[0].removeprefix("| ").startswith(section) for cells in found), f"{parameter.name} of {section}"


def test_the_parameter_document_is_up_to_date():
    head, bar, table = text_of(DOCS / "parameters.md").partition("\n|")
    assert bar[1:] + table == markdown(), f"abm/docs/parameters.md is stale; make it anew by\n{REMAKE}"
    assert REMAKE in head


def test_the_outcome_document_is_up_to_date():
    head, bar, table = text_of(DOCS / "outcomes.md").partition("\n|")
    assert bar[1:] + table == outcome_list.markdown(), (
        "abm/docs/outcomes.md is stale; its head says how to make it anew"
    )
    assert REMAKE.replace("parameters", "outcomes") in head


def test_a_fourth_of_a_run_is_not_called_a_quarter_in_documents():
    # A step is read as a quarter, so a reader would take it for one.
    for document in DOCUMENTS:
        assert not re.search(r"last quarter|quarters? of the run", text_of(document)), document


def test_every_source_is_a_section_or_chosen():
    for parameter in PARAMETERS:
        assert re.fullmatch(r"article §\d(\.\d)*|chosen", parameter.source), parameter.name


@pytest.mark.parametrize("place", range(len(diffs())))
def test_a_diff_that_is_shown_applies(place):
    command = ["git", "apply", "--check", "-"]
    applied = subprocess.run(command, cwd=ROOT, input=diffs()[place].encode(), capture_output=True, check=False)
    assert applied.returncode == 0, applied.stderr.decode()


def examples() -> dict:
    """What the Python text of extending.md defines."""
    code = re.findall(r"^```python\n(.*?)^```", text_of(DOCS / "extending.md"), flags=re.DOTALL | re.MULTILINE)
    found: dict = {"__name__": "extending"}
    for text in code:
        exec(compile(text, "extending.md", "exec"), found)
    return found


def test_the_regulator_that_is_shown_taxes_returns_and_pays_entrants():
    model = MarketModel("shakeout", rng=1)
    model.agents.set("R", 3.0).set("F", 4.0)
    young = model.agents.select(at_most=2)
    old = model.agents.select(model.agents.get("unique_id") > young.get("unique_id").max())
    old.set("age", 5)
    examples()["regulator"](model)
    assert old.get("F").tolist() == pytest.approx([3.9] * len(old))
    assert young.get("F").tolist() == pytest.approx([3.9 + 0.1 * len(model.agents) / 2] * 2)


def test_the_break_up_that_is_shown_leaves_no_large_firm():
    breakup = examples()["breakup"]
    model = MarketModel("shakeout", rng=1)
    large = model.agents[0]
    large.B = 2.0 * model.agents.get("B").sum()
    customers, number = model.agents.get("B").sum(), len(model.agents)
    while model.agents.get("share").max() > 0.4:
        breakup(model)
    assert model.agents.get("B").sum() == pytest.approx(customers)
    assert len(model.agents) > number
    assert simulate("shakeout", 1, each_step=breakup).outcomes["top_share"] <= 0.45


def test_the_acquirer_that_is_shown_buys_firms_in_need():
    result = simulate("shakeout", 1, each_step=examples()["acquirer"])
    bought = result.lives[result.lives["reason"] == "acquired"]
    assert len(bought) > 10
    assert (bought["F"] < 1.0).all()
    failed = [(each.lives["reason"] == "failed").sum() for each in (result, simulate("shakeout", 1))]
    assert failed[0] < failed[1] / 2


KINDS = ["strategy policy", "measure", "parameter", "mechanism", "sector"]


def files_of(diff: str) -> list[str]:
    return re.findall(r"^\+\+\+ b/(.*)", diff, flags=re.MULTILINE)


def test_policy_measure_parameter_and_mechanism_are_shown_and_touch_five_files_at_most():
    kinds = re.findall(r"^## A (.*)", text_of(DOCS / "extending.md"), flags=re.MULTILINE)
    assert kinds == KINDS
    assert len(diffs()) == len(kinds)
    for kind, diff in zip(kinds, diffs(), strict=True):
        assert len(files_of(diff)) <= 5, kind


@pytest.mark.slow
@pytest.mark.parametrize("shown", [("strategy policy", "measure", "mechanism"), ("parameter",)])
def test_diffs_that_are_shown_pass_their_own_tests(shown, tmp_path):
    # Kernels are compiled anew once for all diffs that change other lines; the parameter's changes the policy's.
    for name in ("abm", "tests", "results"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.parquet"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    tests = {"tests/scenario/test_parameters.py", "tests/simulation/test_outcome_list.py"}
    tests |= {f"tests/test_docs.py::test_the_{kind}_document_is_up_to_date" for kind in ("parameter", "outcome")}
    for kind in shown:
        diff = diffs()[KINDS.index(kind)]
        subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff.encode(), check=True)
        tests |= {name for name in files_of(diff) if name.startswith("tests/")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *sorted(tests)]
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-3000:]


@pytest.mark.parametrize("name", ["firms", "lives"])
def test_a_table_that_stata_refuses_can_be_written_for_it_as_the_readme_says(tmp_path, name):
    advice = 'replace(float("inf"), float("nan")).dropna(axis=1, how="all").to_stata('
    assert advice in (ROOT / "README.md").read_text(encoding="utf-8")
    table = getattr(simulate(Scenario(capacity=10, steps=3, runway=float("inf")), 1), name)
    with pytest.raises(ValueError, match=r"infinity|cannot be exported"):
        table.to_stata(tmp_path / "refused.dta")
    table.replace(float("inf"), float("nan")).dropna(axis=1, how="all").to_stata(tmp_path / "table.dta")
    assert pd.read_stata(tmp_path / "table.dta")["id"].tolist() == table["id"].tolist()
