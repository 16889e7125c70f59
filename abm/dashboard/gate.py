"""Who may use the page: whoever has its token, asks at the address where it is served, and is no other page.

A browser sends what any page that is open in it asks for. So a request must name this server as its host, which a
foreign name that was made to lead here does not; what comes from a page must come from ours; and the token, which the
command prints as part of the address, or the cookie that it was exchanged for, must be there. Another page on this
machine is of the same site, as ports make no difference to a cookie: it is told apart by the origin alone.
"""

import secrets
import socket

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVERYWHERE = ("0.0.0.0", "::")
LOOPBACK = ("127.0.0.1", "localhost", "::1")

# No other page may hold this one in a frame, or take what it is made of.
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
    """Lets through to an application what comes from the owner's page, and answers 403 to all else.

    Parameters
    ----------
    app : ASGI application
    host : str
        What is listened on.
    port : int
    token : str, optional
        By default a new one that nobody can guess.

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
        """Why a request is not let through, or nothing."""
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
