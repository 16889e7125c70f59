"""The command `abm dashboard`."""

import importlib.util
import sys
from typing import Annotated

import typer

from abm.errors import InputError
from abm.options import whole

PORT = 8765
LOCAL = "127.0.0.1"
NEEDED = ("solara", "networkx", "altair", "ipyvuetify", "uvicorn")  # `mesa.visualization` imports the two in the middle


def dashboard(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A bundled scenario's name or the path of a TOML file.")
    ] = "four-sectors",
    port: Annotated[
        int, typer.Option(metavar="N", parser=whole(1, 65535), help="Port that the page is served on.")
    ] = PORT,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address that is listened on; the default is this machine alone.")
    ] = LOCAL,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser, only say where.")] = False,
) -> None:
    """Watch a market on a page in the browser: change it, play it, compare two runs."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise InputError(f"the page needs {', '.join(missing)}: pip install 'abm[dashboard]'")
    from abm.dashboard.serve import check_address, serve
    from abm.scenario import Scenario

    loaded = Scenario.load(scenario)
    check_address(host, port)
    if host not in (LOCAL, "localhost", "::1"):
        print(f"abm: warning: the page has no password; whoever reaches {host} can use it", file=sys.stderr)
    from abm.dashboard.origins import Origin
    from abm.engine import check_memory
    from abm.warmup import compile_if_cold

    check_memory(loaded, 0)
    compile_if_cold(lambda note: print(note, file=sys.stderr))
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def say() -> None:
        print(f"{loaded.name} on {url} (Ctrl-C ends it)", flush=True)
        if not no_browser:
            import webbrowser

            webbrowser.open(url)

    serve(Origin(scenario, loaded), host, port, say)
