"""Whose library a request works on, and whose chats. One place, so that accounts can come without touching the rest."""

from __future__ import annotations

from typing import Any

from retrieval.store.library import LOCAL_OWNER

NOBODY = "nobody"  # the visitor behind requests of programs and of browsers that keep no cookies


def owner_of(request: Any) -> str:
    """The owner behind a request of the web app (Starlette's or Gradio's), as the gate has found it out.

    Without a login everybody is the local user.
    """
    return getattr(getattr(request, "state", None), "owner", LOCAL_OWNER)


def visitor_of(request: Any) -> str | None:
    """The browser behind a request, whose chats are its own; None: chats belong to the owner, as with a login."""
    return getattr(getattr(request, "state", None), "visitor", None)
