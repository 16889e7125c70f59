"""Every command and snippet of the README works as printed, one after the other in a fresh shell."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Whoever runs the tests has installed the package already; its environment is used.
STANDS_FOR_INSTALLING = "pip() { :; }\npython3() { :; }\n"
SAY_WHAT_FAILED = "trap 'echo failed: $BASH_COMMAND >&2' ERR\n"


def blocks() -> list[tuple[str, str]]:
    """Language and text of each block of the README, in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def as_shell(language: str, text: str) -> str:
    """What a reader does with a block, as lines of a shell."""
    if language == "toml":
        return f"cat > {re.search(r'Save this one as `(.+?)`', README)[1]} <<'END'\n{text}END\n"
    if language == "python":
        return f"python - <<'END'\n{text}END\n"
    # A page is served until somebody ends it.
    served = r"timeout --signal INT 15 \1 || test $? = 124 "
    return re.sub(r"^(abm dashboard [^#\n]*)", served, text, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def pasted(tmp_path_factory) -> Path:
    """The folder in which all of the README but its test command was pasted."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/activate").write_text(f"PATH={Path(sys.executable).parent}:$PATH\n")
    script = "".join(as_shell(language, text) for language, text in blocks() if "pytest" not in text)
    bare = {"PATH": os.defpath, "MPLBACKEND": "agg", "HOME": os.environ.get("HOME", str(folder))}
    bare |= {name: os.environ[name] for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME") if name in os.environ}
    command = [shutil.which("bash"), "-euo", "pipefail", "-c", SAY_WHAT_FAILED + STANDS_FOR_INSTALLING + script]
    done = subprocess.run(command, cwd=folder, env=bare, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def test_all_of_the_readme_can_be_pasted_into_one_shell(pasted):
    assert {"first-run", "seed-1", "seed-2", "strong-network", "network-effect", "compared", "my-run"} <= set(
        os.listdir(pasted)
    )


def test_the_firms_of_the_readme_begin_its_own_market(pasted):
    first = pd.read_parquet(pasted / "my-run" / "lives.parquet").head(3)
    assert first.sector.tolist() == ["consumer", "consumer", "industry"]
    assert first.strategy.tolist() == ["technology_first", "market_first", "technology_first"]
