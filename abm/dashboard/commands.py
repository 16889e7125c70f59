"""The command `abm dashboard`."""

import html
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from abm.errors import need_packages
from abm.output.options import Firms, Settings, whole

PORT = 8765
LOCAL = "127.0.0.1"
# `mesa.visualization` imports NetworkX and Altair.
NEEDED = {name: name for name in ("solara", "networkx", "altair", "ipyvuetify", "uvicorn")}


def dashboard(
    scenario: Annotated[
        str,
        typer.Argument(metavar="SCENARIO", help="A bundled scenario, the path of a TOML file, or the folder of a run."),
    ] = "four-sectors",
    settings: Settings = None,
    firms: Firms = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", parser=whole(0, 2**63 - 1), help="Seed of all draws.", show_default="0"),
    ] = None,
    port: Annotated[
        int, typer.Option(metavar="N", parser=whole(1, 65535), help="Port that the page is served on.")
    ] = PORT,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address that is listened on; the default is this machine alone.")
    ] = LOCAL,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser, only say where.")] = False,
) -> None:
    """Watch and change a market on a page in the browser, or look at one that was run."""
    need_packages(NEEDED, "the page", "dashboard")
    from abm.dashboard.gate import LOOPBACK
    from abm.dashboard.opening import read_opening
    from abm.dashboard.serve import check_address, serve

    opening = read_opening(scenario, settings or [], firms, seed, lambda note: print(f"abm: {note}", file=sys.stderr))
    check_address(host, port)
    if host not in LOOPBACK:
        print(
            f"abm: warning: the page listens on {host}: whoever reaches it and has its address with the token can use "
            "the page, and what it sends is not encrypted",
            file=sys.stderr,
        )
    from abm.simulation.warmup import compile_if_cold

    compile_if_cold(lambda note: print(note, file=sys.stderr))
    with tempfile.TemporaryDirectory(prefix="abm-") as folder:  # readable by its owner only

        def say(url: str) -> None:
            print(f"{opening.origin.scenario.name} on {url} (Ctrl-C ends it)", flush=True)
            if not no_browser:
                open_in_browser(url, Path(folder))

        serve(opening, host, port, say)


def open_in_browser(url: str, folder: Path) -> None:
    """Open an address by a file that redirects to it: other users of this machine see a browser's command line."""
    import webbrowser

    way = folder / "open.html"
    way.touch(mode=0o600)
    way.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={html.escape(url)}">', encoding="utf-8")
    webbrowser.open(way.as_uri())
