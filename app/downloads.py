"""Replies that a browser saves as a file."""

from __future__ import annotations

from urllib.parse import quote

from fastapi.responses import Response

from app.reports import MEDIA_TYPES


def attachment(name: str) -> str:
    """Content-Disposition for any file name (RFC 6266)."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


def report_reply(text: str, stem: str, kind: str) -> Response:
    """A report as a file `stem.kind` that is saved, never shown: it holds other people's words."""
    headers = {
        "Content-Disposition": attachment(f"{stem.strip() or 'cuepoint'}.{kind}"),
        "Cache-Control": "private, no-cache",  # may still change
        "X-Content-Type-Options": "nosniff",
    }
    return Response(text, media_type=f"{MEDIA_TYPES[kind]}; charset=utf-8", headers=headers)
