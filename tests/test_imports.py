"""The house is built of rooms, each of which imports only from those below it."""

import ast
import tomllib
from pathlib import Path

import abm

PACKAGE = Path(abm.__file__).parent
# From the roof down.
ROOMS = (
    "__main__", "cli", "dashboard", "discovery", "sensitivity", "calibration", "comparison", "sweeps", "equilibrium",
    "agents", "simulation", "output", "market", "equations", "scenario", "numerics", "errors", "version", "scenarios",
)  # fmt: skip


def room(module: str) -> str:
    return module.split(".")[1]


def modules() -> dict[str, Path]:
    """The package's modules by name; `abm` itself only says where the public names are."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return {name: path for name, path in found.items() if name != "abm"}


def imported(path: Path) -> list[tuple[int, str]]:
    """Lines and names of what a module imports of the package, within functions and for types only, too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").partition(".")[0] == "abm"):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            found += [(node.lineno, f"{node.module}.{each.name}") for each in node.names]
        elif isinstance(node, ast.Import):
            found += [(node.lineno, each.name) for each in node.names if each.name.partition(".")[0] == "abm"]
    return found


def climbing(name: str, path: Path) -> list[str]:
    """Imports of a module that do not go down, nor stay in its room."""
    mine = ROOMS.index(room(name))
    return [
        f"{path.relative_to(PACKAGE.parent)}:{line} imports {target}"
        for line, target in imported(path)
        if ROOMS.index(room(target)) < mine
    ]


def test_every_module_lies_in_a_room():
    assert {room(name) for name in modules()} == set(ROOMS)


def test_every_folder_of_modules_is_installed():
    with (PACKAGE.parent / "pyproject.toml").open("rb") as file:
        installed = tomllib.load(file)["tool"]["setuptools"]["packages"]
    folders = {".".join(path.parent.relative_to(PACKAGE.parent).parts) for path in PACKAGE.rglob("*.py")}
    assert not folders - set(installed)


def test_no_import_climbs():
    found = [each for name, path in sorted(modules().items()) for each in climbing(name, path)]
    assert not found, found[0]


def test_an_import_that_climbs_would_be_found(tmp_path):
    for text in ("from abm.cli import main", "import abm.sweeps.run", "def f():\n    from abm.agents import model"):
        path = PACKAGE.parent / "abm" / "errors.py"
        assert not climbing("abm.errors", path)
        (tmp_path / "lower.py").write_text(text)
        line, target = imported(tmp_path / "lower.py")[0]
        assert line >= 1 and ROOMS.index(room(target)) < ROOMS.index("errors")


def circles(imports: dict[str, set[str]]) -> list[set[str]]:
    """Groups of modules each of which imports the others, directly or through others."""

    def reached(name: str) -> set[str]:
        found, ahead = set(), [name]
        while ahead:
            new = imports[ahead.pop()] - found
            found |= new
            ahead += new
        return found

    ahead = {name: reached(name) for name in imports}
    groups = [frozenset(each for each in ahead[name] if name in ahead[each]) for name in imports]
    return [set(group) for group in dict.fromkeys(groups) if group]


def imports_of_modules() -> dict[str, set[str]]:
    """The modules that each module imports, for types too; a name in a module counts as the module."""
    known = modules()

    def module_of(target: str) -> str:
        while target not in known and target:
            target = target.rpartition(".")[0]
        return target

    return {name: {module_of(target) for _, target in imported(path)} - {"", name} for name, path in known.items()}


def test_no_modules_import_each_other_in_a_circle():
    assert circles(imports_of_modules()) == []


def test_a_circle_of_imports_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [{"b", "c"}]
