"""The two cookies: who is logged in, and, where nobody must be, which browser this is, so that chats are its own."""

from __future__ import annotations

import re
import secrets

from starlette.requests import HTTPConnection

from app.access.hosts import host_name, space_host

VISITOR = "cuepoint_visitor"
VISITOR_S = 400 * 24 * 3600  # browsers keep none for longer
_VISITOR_ID = re.compile(r"[0-9a-f]{32}")


def cookie(name: str, value: str, age_s: int, request: HTTPConnection, framed: bool) -> str:
    """A Set-Cookie header. `framed`: others' pages may show ours in a frame, where browsers send only cookies that say
    so, and these only over TLS."""
    over_tls = "SameSite=None; Secure; Partitioned" if framed else "SameSite=Lax; Secure"
    place = over_tls if _is_secure(request) else "SameSite=Lax"
    return f"{name}={value}; Max-Age={age_s}; Path=/; HttpOnly; {place}"


def visitor_of(request: HTTPConnection) -> str | None:
    """The browser's own number; None where it has none that we made."""
    found = request.cookies.get(VISITOR, "")
    return found if _VISITOR_ID.fullmatch(found) else None


def new_visitor() -> str:
    return secrets.token_hex(16)


def _is_secure(request: HTTPConnection) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy before us (that of Spaces does not say so)."""
    return request.url.scheme == "https" or host_name(request.headers.get("host", "")) == space_host()
