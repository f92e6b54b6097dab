"""Which host names the app answers to.

A name that an attacker owns can be made to resolve to this machine (DNS rebinding): a page under such a name would then
count as ours in the browser. So every request's Host header must be a name that is known to be this server's. Addresses
written in digits cannot be rebound.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

ANY = "*"
_LOOPBACK_NAME = "localhost"
_WILDCARDS = ("", "0.0.0.0", "::")  # bound to these, a server listens on every address of the machine


@dataclass(frozen=True)
class Hosts:
    """`names` are lower case and may hold `*`; `addresses` says whether any IP address is accepted as a host."""

    names: tuple[str, ...]
    addresses: bool = False

    def allows(self, header: str) -> bool:
        """Whether a Host header (`name`, `name:port`, `[address]:port`) is one of this server's."""
        name = host_name(header)
        if not name:
            return False
        if name == _LOOPBACK_NAME or any(fnmatchcase(name, known) for known in self.names):
            return True
        address = _address(name)
        return address is not None and (address.is_loopback or self.addresses)


def allowed_hosts(bound: str, configured: Iterable[str]) -> Hosts:
    """The hosts of a server that listens on `bound`, with those that the user (or Hugging Face Spaces) named."""
    names = [name.strip().lower() for name in configured if name.strip()]
    if bound not in _WILDCARDS:
        names.append(bound.lower())
    if is_loopback(bound):
        return Hosts(tuple(names))
    machine = socket.gethostname().lower()
    return Hosts((*names, machine, f"{machine}.local"), addresses=True)


def space_host() -> str | None:
    """The public name of the Hugging Face Space that this runs on, if it does."""
    return os.environ.get("SPACE_HOST") or None


def is_loopback(host: str) -> bool:
    """Whether a server bound to this host can only be reached from its own machine."""
    address = _address(host.strip("[]"))
    return address.is_loopback if address else host.lower() == _LOOPBACK_NAME


def host_name(header: str) -> str:
    """The host of `host:port` in lower case, without the brackets of IPv6; empty if it is malformed."""
    text = header.strip().lower()
    if text.startswith("["):
        name, closed, port = text[1:].partition("]")
        return name if closed and (not port or (port[0] == ":" and port[1:].isdigit())) else ""
    name, colon, port = text.partition(":")
    return name.rstrip(".") if not colon or port.isdigit() else ""


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
