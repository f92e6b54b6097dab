"""The slim bar at the top: the name, and which models are at work, honestly."""

from __future__ import annotations

import json
from html import escape

from app.engine import Engine
from app.i18n import Language
from retrieval.ask.translated import told

_SCRIPT_WORDS = (  # what making.js and finding.js say
    "save_failed", "save_busy", "close", "cancel_dialog", "edit_hint", "edit_send", "rename_title", "rename_yes",
    "where_explained", "where_failed",
)  # fmt: skip


def header_html(engine: Engine, language: Language, with_logout: bool) -> str:
    """On phones the library is far down: a button jumps there."""
    profile = engine.profile
    title, summary = told(profile.title, language.code), told(profile.summary, language.code)
    reason = told(engine.profile_reason, language.code)
    hint = escape(language("profile_hint", summary=summary, reason=reason))
    words = escape(json.dumps({key: language(key) for key in _SCRIPT_WORDS}, ensure_ascii=False))
    return (
        f'<header class="top" data-words="{words}">'
        '<img class="logo" src="icon.svg" alt="" width="28" height="28"><h1>Cuepoint</h1>'
        f'<button class="to-library" data-jump="library-column">{language("to_library")}</button>'
        f'<span class="profile" tabindex="0" data-hint="{hint}" aria-label="{escape(profile.name)}: {hint}">'
        f'<b>{escape(profile.name)}</b><span class="profile-title"> · {escape(title)}</span>'
        f"</span>{_logout(language) if with_logout else ''}</header>"
    )


def _logout(language: Language) -> str:
    button = f'<button type="submit">{language("logout")}</button>'
    return f'<form class="logout" method="post" action="logout">{button}</form>'
