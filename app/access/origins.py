"""Which requests come from our own page, and not from a page of another site in the same browser.

Browsers say where a request comes from: `Origin` on everything that changes something or reads across origins, and
`Sec-Fetch-Site` on every request (Fetch Metadata Request Headers, W3C). Programs such as curl send neither.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers

from app.access.hosts import Hosts, host_name

_OWN = ("same-origin", "none")  # `none`: the user typed the address or opened a bookmark
_DEFAULT_PORTS = {"http": 80, "https": 443}
_READING = ("GET", "HEAD")


def is_foreign(method: str, headers: Headers, trusted: Hosts, framed: bool) -> bool:
    """Whether another site's page sent this request.

    Following a link to us is no such request: a page opens for the user, and the other site sees nothing of it.
    `framed`: others may show our page in a frame. `trusted`: hosts of ours that a proxy may hide behind another name.
    """
    origin = headers.get("origin")
    if origin is not None:
        return not _same(origin, headers.get("host", ""), trusted)
    site = headers.get("sec-fetch-site")
    if site is None or site in _OWN:
        return False
    shown_as = ("document", "iframe", "frame") if framed else ("document",)
    opened = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") in shown_as
    return not (method in _READING and opened)


def _same(origin: str, host: str, trusted: Hosts) -> bool:
    try:
        parts = urlsplit(origin)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return False
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return False  # "null": a sandboxed frame, a file
    if parts.hostname == host_name(host) and port == _port(host, _DEFAULT_PORTS[parts.scheme]):
        return True
    return bool(trusted.names) and trusted.allows(parts.netloc)


def _port(host: str, default: int) -> int:
    _, colon, port = host.rpartition(":")
    return int(port) if colon and port.isdigit() else default
