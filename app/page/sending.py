"""Where files are sent from: the field above the library, and the still to search by. `sending.js` sends them."""

from __future__ import annotations

import json
from html import escape

from app.i18n import Language

# A file has arrived: its token goes to the server with an event of the part of the page that it was chosen in.
FORWARD_FILES = """
element.addEventListener('cuepoint-arrived', (event) => trigger('arrived', event.detail));
"""
_SENT = '<div class="sent" aria-live="polite"></div>'  # what is on its way, and what was not taken
_SCRIPT_WORDS = ("upload_sending", "upload_stop", "upload_lost", "upload_stopped")


def upload_html(max_bytes: int, language: Language) -> str:
    """Videos, as many as one likes: dropped anywhere on the page, or chosen here."""
    return (
        f'<label class="drop"><input type="file" multiple {_facts(max_bytes, language)}>'
        f"<span>{escape(language('upload'))}</span></label>{_SENT}"
    )


def picture_html(max_bytes: int, language: Language) -> str:
    """One picture, which is searched by and not kept."""
    return (
        f'<label class="pick"><input type="file" accept="image/*" {_facts(max_bytes, language)}>'
        f"<span>{escape(language('find_picture'))}</span></label>{_SENT}"
    )


def _facts(max_bytes: int, language: Language) -> str:
    words = escape(json.dumps({key: language.template(key) for key in _SCRIPT_WORDS}, ensure_ascii=False))
    return f'data-max="{max_bytes}" data-words="{words}"'
