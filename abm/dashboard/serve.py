"""The server of the page: where it listens, what it serves, and how it works without a connection to the outside.

Solara hands the browser files that it would fetch from a public server and keep; here all of them are in `assets`, and
for any other file Solara gets the address of a port of this machine where no server listens.
"""

import contextlib
import errno
import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from abm.agents.model import MarketModel
from abm.dashboard.gate import Gate
from abm.dashboard.origins import Opening, open_with
from abm.errors import InputError
from abm.scenario.scenario import Scenario

NOWHERE = "http://127.0.0.1:9/"  # the discard port: no server answers there
LAST_PORT = 65535

# Read by Solara when it is imported.
SETTINGS = {
    "SOLARA_APP": "abm.dashboard.page",
    "SOLARA_MODE": "production",
    "SOLARA_ASSETS_CDN": NOWHERE,
    "SOLARA_ASSETS_FONTAWESOME_ENABLED": "false",
    "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "false",
    "SOLARA_CHECK_HOOKS": "off",  # Solara would warn of hooks in Mesa's own code
    "SOLARA_THEME_SHOW_BANNER": "false",
    "SOLARA_THEME_TITLE": "abm",
    # How long a page may be disconnected before its market is removed. A page that is closed reports this, and its
    # market is removed at once, unless the browser ends first.
    "SOLARA_KERNEL_CULL_TIMEOUT": "20s",
}

# Routes of Solara that the page needs: the page, its connection, the report that it is closed, and its files. Solara
# has more, such as the state of the machine. We serve the files of the public server ourselves, since Solara deletes a
# folder among them when a browser requests it.
SOLARA_ROUTES = (
    "/",
    "/jupyter/api/kernels/{kernel_id}/{name}",
    "/_solara/api/close/{kernel_id}",
    "/jupyter/nbextensions",
    "/static/assets",
    "/static",
)
FETCHED = "/_solara/cdn"

# What Solara's page lacks: a language, leave to zoom, dark where the browser is (its own setting has no place for it).
FOR_EVERYBODY = {
    "<html>": '<html lang="en">',
    "initial-scale=1, maximum-scale=1, user-scalable=no, minimal-ui": "initial-scale=1",
    "<v-progress-linear ": '<v-progress-linear aria-label="at work" ',
    '"variant": "light"': '"variant": "auto"',
}


def check_address(host: str, port: int) -> None:
    """Refuse an address where no server of ours can listen.

    Raises
    ------
    InputError
        If the port is taken, with the next one that is free; or if this machine has no such address.
    """
    try:
        if _is_free(host, port):
            return
        free = next((each for each in range(port + 1, LAST_PORT + 1) if _is_free(host, each)), None)
    except OSError as problem:
        raise InputError(f"{host}:{port}: cannot be listened on: {problem.strerror}") from None
    offer = "name another by --port" if free is None else f"--port {free} is free"
    raise InputError(f"port {port} is taken; {offer}")


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((host, port))
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def serve(opening: Opening, host: str, port: int, when_ready: Callable[[str], None]) -> None:
    """Serve pages until the process is asked to end.

    Parameters
    ----------
    opening : Opening
        What a page opens with.
    host : str
    port : int
    when_ready : callable
        Called with the address that opens a page, in a thread of its own, once the server listens.

    Raises
    ------
    RuntimeError
        If Solara is imported already: it would not read its settings any more, and ask the outside for files.
    """
    if "solara" in sys.modules:
        raise RuntimeError("solara is imported already, so that its settings would not be read")
    open_with(opening)
    compile_kernels()
    with resources.as_file(resources.files("abm.dashboard") / "assets") as assets:
        os.environ |= SETTINGS | {"SOLARA_ASSETS_PROXY_CACHE_DIR": str(assets)}
        warnings.filterwarnings(
            "ignore", "Cookies with samesite=none", UserWarning
        )  # there is no frame around the page
        import uvicorn

        gate = Gate(application(assets), host, port)

        class Server(uvicorn.Server):
            async def startup(self, sockets=None) -> None:
                await super().startup(sockets)
                threading.Thread(target=when_ready, args=(gate.url,), daemon=True).start()

        # A page's connection stays open for as long as the page: it is not waited for at the end.
        config = uvicorn.Config(
            gate, host=host, port=port, log_level="warning", timeout_graceful_shutdown=1, proxy_headers=False
        )
        with contextlib.suppress(KeyboardInterrupt):  # ends the server, after its pages are closed
            Server(config).run()


def application(assets: Path) -> Starlette:
    """What is served: of Solara what the page needs, and the files that are shipped."""
    from solara.server import starlette as solara_server

    async def page(request: Request) -> Response:
        answer = await solara_server.root(request)
        text = bytes(answer.body).decode("utf-8")
        for theirs, ours in FOR_EVERYBODY.items():
            text = text.replace(theirs, ours, 1)
        answer.body = text.encode("utf-8")
        answer.headers["content-length"] = str(len(answer.body))
        return answer

    routes = [each for each in solara_server.routes if each.path in SOLARA_ROUTES and each.path != "/"]
    routes.append(Route("/", endpoint=page))
    routes.append(Mount(f"{FETCHED}/charts", StaticFiles(packages=[("abm.output", "assets")])))
    routes.append(Mount(FETCHED, StaticFiles(directory=assets)))
    return Starlette(routes=routes, lifespan=solara_server.lifespan, middleware=solara_server.middleware)


def compile_kernels() -> None:
    """Have everything compiled that a page calls, so that its first step does not take half a minute."""
    model = MarketModel(Scenario(capacity=2, steps=2), rng=0)
    model.step()
    model.outcomes()
