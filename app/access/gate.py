"""The gate before the whole web app: host, origin and login of every request; security headers of every reply."""

from __future__ import annotations

from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.cookies import VISITOR, VISITOR_S, cookie, new_visitor, visitor_of
from app.access.login import COOKIE, LOGIN_PATH, OPEN_PATHS, Door
from app.access.origins import is_foreign
from app.access.policy import Policy
from app.owner import NOBODY
from retrieval.store.library import LOCAL_OWNER

_WRONG_HOST = (
    "Cuepoint does not answer to this host name. If it is yours, name it in CUEPOINT_ALLOWED_HOSTS and start again.\n"
)
_FOREIGN = "This request comes from another site's page, so it was refused.\n"


class Gate:
    """ASGI middleware. Every request that passes has `request.state.owner`, and `request.state.visitor` where nobody
    logs in: the browser's own number, which comes with the page."""

    def __init__(self, app: ASGIApp, policy: Policy, door: Door) -> None:
        self.app = app
        self.policy = policy
        self.door = door
        self._headers = _security_headers(policy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # the page uses no web sockets
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = await self._refusal(scope)
        made = None if refusal or self.policy.login else self._recognise(scope)
        await (refusal or self.app)(scope, receive, self._guarded(send, made))

    def _recognise(self, scope: Scope) -> str | None:
        """Notes which browser this is. The cookie to give it, if it opens the page and has none."""
        request = HTTPConnection(scope)
        visitor = visitor_of(request)
        made = None
        if visitor is None and scope["method"] == "GET" and "text/html" in request.headers.get("accept", ""):
            visitor = new_visitor()
            made = cookie(VISITOR, visitor, VISITOR_S, request, framed=bool(self.policy.frames))
        scope["state"]["visitor"] = visitor or NOBODY
        return made

    async def _refusal(self, scope: Scope) -> Response | None:
        headers, policy = Headers(scope=scope), self.policy
        if not policy.hosts.allows(headers.get("host", "")):
            return PlainTextResponse(_WRONG_HOST, 403)
        if is_foreign(scope["method"], headers, policy.trusted, framed=bool(policy.frames)):
            return PlainTextResponse(_FOREIGN, 403)
        owner = await self.door.owner_of(HTTPConnection(scope)) if policy.login else LOCAL_OWNER
        scope.setdefault("state", {})["owner"] = owner
        return _to_login(scope, headers) if owner is None and scope["path"] not in OPEN_PATHS else None

    def _guarded(self, send: Send, made: str | None) -> Send:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)  # a reply may have a stricter one of its own
                if made:
                    headers.append("Set-Cookie", made)
            await send(message)

        return guarded


def _to_login(scope: Scope, headers: Headers) -> Response:
    """People are led to the login page, programs are told."""
    if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        wanted = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        return RedirectResponse(f"{LOGIN_PATH}?next={quote(wanted, safe='')}", 303)
    sentence = f"Log in first: on the page, or send the password as a bearer token (cookie {COOKIE} or Authorization)."
    return JSONResponse({"detail": sentence}, 401, {"WWW-Authenticate": "Bearer"})


def _security_headers(policy: Policy) -> dict[str, str]:
    headers = {
        "Content-Security-Policy": policy.content_security_policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
    return headers if policy.frames else headers | {"X-Frame-Options": "SAMEORIGIN"}
