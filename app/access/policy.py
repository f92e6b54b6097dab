"""What is asked of a request before it may come in, as settings and the bound address decide it."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.access.hosts import ANY, Hosts, allowed_hosts, is_loopback, space_host
from app.settings import Settings

_SPACES_FRAMES = ("https://huggingface.co", "https://*.hf.space")  # Spaces show the app in a frame of their own page


@dataclass(frozen=True)
class Policy:
    """`trusted` are the hosts that were named by the user: an Origin of theirs is ours behind a proxy, too."""

    hosts: Hosts = field(default_factory=lambda: Hosts(()))
    trusted: Hosts = field(default_factory=lambda: Hosts(()))
    login: bool = False
    frames: tuple[str, ...] = ()  # origins of pages that may show ours in a frame

    @property
    def content_security_policy(self) -> str:
        """Gradio builds parts of its page from strings, hence 'unsafe-inline' and 'unsafe-eval'; nothing is fetched
        from elsewhere."""
        return "; ".join((
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            " ".join(("frame-ancestors 'self'", *self.frames)),
        ))  # fmt: skip


def policy_of(settings: Settings, bound: str) -> Policy:
    """The policy of a server bound to `bound`: a host name or address.

    A password is asked for when others can reach the server: when it is bound to more than the loopback, or when the
    user named hosts under which a proxy serves it.
    """
    space = space_host()
    named = (*settings.allowed_hosts, *((space,) if space else ()))
    login = settings.auth == "on" or (settings.auth == "auto" and is_exposed(settings, bound))
    frames = (*settings.frame_ancestors, *(_SPACES_FRAMES if space else ()))
    trusted = Hosts(tuple(name.lower() for name in named if name != ANY))
    return Policy(allowed_hosts(bound, named), trusted, login, frames)


def is_exposed(settings: Settings, bound: str) -> bool:
    """Whether others than the users of this machine can reach a server so bound."""
    return not is_loopback(bound) or bool(settings.allowed_hosts or space_host())
