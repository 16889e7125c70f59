"""Access to the page: a request needs the token, the right host and, if a page sent it, the right origin.

A browser sends requests for every page that is open in it, also for foreign ones. Three checks keep those out. The
request must name this server as its host, so a foreign name that resolves to this machine is refused. A request from a
page must come from this page: a page on another port of this machine gets the same cookies and differs in its origin
alone. And it must have the token, which is part of the address that the command prints, or the cookie set for it.
"""

import secrets
import socket

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVERYWHERE = ("0.0.0.0", "::")
LOOPBACK = ("127.0.0.1", "localhost", "::1")

# No other page may show this one in a frame or read its files.
HEADERS = {
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def in_url(host: str, port: int) -> str:
    """A host and a port as a URL has them.

    Examples
    --------
    >>> in_url("127.0.0.1", 8765), in_url("::1", 80)
    ('127.0.0.1:8765', '[::1]')
    """
    name = f"[{host}]" if ":" in host else host
    return name if port == 80 else f"{name}:{port}"


class Gate:
    """Passes requests of the owner's page to an application, and answers 403 to all others.

    Parameters
    ----------
    app : ASGI application
    host : str
        The address on which the server listens.
    port : int
    token : str, optional
        By default a new random one.

    Attributes
    ----------
    url : str
        The address that opens the page, with the token in it.

    Examples
    --------
    >>> Gate(None, "127.0.0.1", 8765, token="secret").url
    'http://127.0.0.1:8765/?token=secret'
    """

    def __init__(self, app: ASGIApp, host: str, port: int, token: str | None = None) -> None:
        self._app = app
        self._token = token or secrets.token_urlsafe(32)
        self._port = port
        self._cookie = f"abm-{port}"  # a cookie is sent to every port of a host
        self._names = set(LOOPBACK)
        if host in EVERYWHERE:
            self._names.add(socket.gethostname())
        elif host not in LOOPBACK:
            self._names.add(host)
        self.place = f"http://{in_url('127.0.0.1' if host in EVERYWHERE else host, port)}/"
        self.url = f"{self.place}?token={self._token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        if refusal := self._refusal(asked):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})  # before it is accepted: answered by 403
            else:
                await PlainTextResponse(f"{refusal}\n", 403, HEADERS)(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if "token" in asked.query_params:
                    headers.append("Set-Cookie", f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict")
            await send(message)

        await self._app(scope, receive, send_guarded)

    def _refusal(self, asked: HTTPConnection) -> str:
        """Why a request is refused; empty if it is allowed."""
        is_socket = asked.scope["type"] == "websocket"
        hosts, origins = (asked.headers.getlist(name) for name in ("host", "origin"))
        places = {in_url(name, self._port).lower() for name in (*self._names, asked.scope["server"][0])}
        if len(hosts) != 1 or hosts[0].lower() not in places:
            return f"This page is served at {self.place} and under no other name or port."
        # A page's own files are asked for without an origin; a socket never is.
        if origins != [f"http://{hosts[0]}"] and (origins or is_socket):
            return "Another page may not use this one."
        given = asked.query_params.getlist("token")
        if not is_socket and given:
            right = all(self._is_token(each) for each in given)
        else:
            right = self._is_token(asked.cookies.get(self._cookie, ""))
        if not right:
            return "This page opens by the address that `abm dashboard` has printed, with the token at its end."
        return ""

    def _is_token(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self._token.encode())
