"""The handbook for clusters: its commands are those of the program, its manifest and container recipes are sound."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer

from abm.cli import app, main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "abm" / "docs"
TEXT = (DOCS / "cluster.md").read_text(encoding="utf-8")
RECIPES = DOCS / "containers"
DESIGN = """
scenario = "one-market"
[set]
steps = 5
capacity = 20
[factors]
churn = [0.1, 0.9]
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def commands_in(text: str) -> list[list[str]]:
    """The arguments of each command of the program in a text of the shell, also behind ssh, a container or `exec`."""
    found = []
    for line in text.splitlines():
        for start in re.finditer(r"(?:^|[\s\"/])(?:abm(?:\.sif)?) (?=[a-z])", line):
            rest = re.split(r" (?:#|>|\|\||&&|<)|\"", line[start.end() :])[0]
            words = shlex.split(rest.replace("$machine", "1"))
            if words[0] in NAMES:
                found.append(words)
    return found


COMMAND = typer.main.get_command(app)
NAMES = set(COMMAND.commands)
SHELL = [words for block in blocks("sh") for words in commands_in(block)]
INLINE = [words for code in re.findall(r"`(abm [^`]*)`", TEXT.replace("\n", " ")) for words in commands_in(code)]


def parse(words: list[str]) -> None:
    """Parse a command as the program does, without doing anything; raises typer's refusals."""
    context = COMMAND.make_context("abm", list(words))
    while hasattr(context.command, "resolve_command"):
        rest = [*context._protected_args, *context.args]
        name, command, left = context.command.resolve_command(context, rest)
        context = command.make_context(name, left, parent=context)


def test_the_handbook_has_a_page_for_each_place_and_common_question():
    headings = re.findall(r"^## (.*)", TEXT, re.MULTILINE)
    assert headings == [
        "Slurm", "PBS", "SGE", "HTCondor", "Kubernetes", "A lab's machines with ssh", "Containers", "NFS and Lustre",
        "Compiled code", "Memory limits of jobs", "Who can connect", "Does the client have to stay alive?",
    ]  # fmt: skip
    assert len(SHELL) > 20


def test_what_is_no_command_is_not_taken_for_one():
    with pytest.raises(typer.BadParameter.__bases__):
        parse(["sweep", "my.toml", "--out", "big", "--cluser", "slurm"])
    assert commands_in("apptainer run --bind /x abm.sif compile --into /k  # once") == [["compile", "--into", "/k"]]
    assert commands_in("ssh lab 'x && nohup .venv/bin/abm sweep d --out o > log 2>&1 &'") == [
        ["sweep", "d", "--out", "o"]
    ]


@pytest.mark.parametrize("words", SHELL, ids=" ".join)
def test_every_command_of_the_handbook_is_understood(words):
    parse(words)


@pytest.mark.parametrize("words", INLINE, ids=" ".join)
def test_every_option_that_its_text_names_exists(words):
    """Texts leave out arguments, so their options are looked up."""
    command = COMMAND
    for word in words:
        if hasattr(command, "commands"):
            command = command.commands.get(word) or command.commands.get("DESIGN")
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("words", [each for each in SHELL if each[:2] == ["sweep", "my.toml"]], ids=" ".join)
def test_what_it_tells_to_sweep_is_accepted(words, tmp_path, monkeypatch, capfd):
    (tmp_path / "my.toml").write_text(DESIGN, encoding="utf-8")
    for name in ("ca.pem", "me.pem", "me-key.pem"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PBS_ARRAY_INDEX", "3")
    before = sorted(tmp_path.rglob("*"))
    assert main([*words, *([] if "--dry-run" in words else ["--dry-run"])]) == 0, capfd.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("words", [each for each in SHELL if each[:2] == ["sweep", "script"]], ids=" ".join)
def test_the_scripts_that_it_asks_for_are_printed(words, tmp_path, monkeypatch, capfd):
    (tmp_path / "my.toml").write_text(DESIGN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    words = [word.replace("/data/big", str(tmp_path)) for word in words]
    assert main(words) == 0, capfd.readouterr().err
    assert words[words.index("--shards") + 1] in capfd.readouterr().out


# --- containers: built in no test, but read as their builders read them ----------------------------------


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile with their arguments, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (RECIPES / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def settings_of_the_image() -> dict[str, str]:
    pairs = [pair for name, rest in instructions() if name == "ENV" for pair in shlex.split(rest)]
    return dict(pair.split("=", 1) for pair in pairs)


def sections() -> dict[str, list[str]]:
    """The header and the sections of the Apptainer recipe, without comments."""
    found: dict[str, list[str]] = {"header": []}
    name = "header"
    for line in (RECIPES / "abm.def").read_text(encoding="utf-8").splitlines():
        if line.startswith("%"):
            name = line[1:].strip()
            found[name] = []
        elif line.strip() and not line.lstrip().startswith("#"):
            found[name].append(line.strip())
    return found


def extras(text: str) -> list[str]:
    return re.findall(r'pip install --no-cache-dir "\.\[(\w+)\]"', text)


def test_the_dockerfile_has_known_instructions_and_begins_with_its_base():
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "ENTRYPOINT", "CMD"}
    names = [name for name, _ in instructions()]
    assert set(names) <= known
    assert names[0] == "FROM"
    assert names.count("ENTRYPOINT") == names.count("CMD") == 1


def test_the_recipes_copy_files_of_the_checkout_and_all_that_installing_needs():
    copied = {word for name, rest in instructions() if name == "COPY" for word in rest.split()[:-1]}
    into = {line.split()[0]: line.split()[1] for line in sections()["files"]}
    assert copied == set(into)
    for name in copied:
        assert (ROOT / name).exists(), name
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = {"pyproject.toml", re.search(r'^readme = "(.*)"', project, re.MULTILINE)[1], "LICENSE", "abm"}
    assert copied == needed
    (folder,) = {Path(target).parent.as_posix() for target in into.values()}
    assert sections()["post"][0] == f"cd {folder}"
    kept = (RECIPES / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert {line[1:] for line in kept if line.startswith("!")} == copied


def test_the_recipes_start_from_the_same_python_that_the_project_supports_and_install_the_same_extra():
    base = dict(instructions())["FROM"]
    header = dict(line.split(": ") for line in sections()["header"])
    assert header == {"Bootstrap": "docker", "From": base}
    version = tuple(map(int, re.fullmatch(r"python:(\d+)\.(\d+)-slim", base).groups()))
    assert (3, 11) <= version <= (3, 13)
    installed = extras(" ".join(rest for name, rest in instructions() if name == "RUN"))
    assert installed == extras(" ".join(sections()["post"])) == ["cluster"]
    assert f"{installed[0]} = [" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_recipes_run_the_program_with_the_arguments_that_they_are_given():
    script = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[project.scripts]\n")[1].split(" = ")[0]
    ends = [(name, rest) for name, rest in instructions() if name in ("ENTRYPOINT", "CMD")]
    assert ends == [("ENTRYPOINT", f'["{script}"]'), ("CMD", '["--help"]')]
    assert sections()["runscript"] == [f'exec {script} "$@"']
    for line in sections()["test"]:
        assert line.split()[0] == script
        parse(line.split()[1:])


def test_the_settings_of_the_recipes_are_read_by_somebody():
    """NUMBA_CACHE_DIR by the kernels' cache, MPLCONFIGDIR by Matplotlib, OMP_NUM_THREADS by the linear algebra."""
    image = settings_of_the_image()
    apptainer = dict(line.removeprefix("export ").split("=", 1) for line in sections()["environment"])
    assert image.keys() == {"NUMBA_CACHE_DIR", "MPLCONFIGDIR", "OMP_NUM_THREADS"}
    assert apptainer == {name: value for name, value in image.items() if name != "NUMBA_CACHE_DIR"}  # it is read-only
    made = " ".join(rest for name, rest in instructions() if name == "RUN" and "mkdir" in rest).split()
    assert {image["NUMBA_CACHE_DIR"], [rest for name, rest in instructions() if name == "WORKDIR"][-1]} <= set(made)


@pytest.mark.parametrize("part", ["post", "runscript", "test", "environment"])
def test_the_shell_of_the_recipes_is_well_formed(part):
    import subprocess

    text = "\n".join(sections()[part])
    checked = subprocess.run([shutil.which("sh"), "-n"], input=text, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_recipes_are_installed_beside_the_documents():
    patterns = re.search(r'^"abm" = \[(.*)\]', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert '"docs/containers/*"' in patterns
