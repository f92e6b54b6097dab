"""Whose library a request works on. One place, so that accounts can come without touching anything else."""

from __future__ import annotations

from typing import Any

from retrieval.store.library import LOCAL_OWNER


def owner_of(request: Any) -> str:
    """The owner behind a request of the web app (Starlette's or Gradio's), as the gate has found it out.

    Without a login everybody is the local user.
    """
    return getattr(getattr(request, "state", None), "owner", LOCAL_OWNER)
