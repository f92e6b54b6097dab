"""The list of earlier chats: open, rename, save or delete one. page.js and making.js show it and ask back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from html import escape

from app.i18n import Language
from app.page.html import Shelf, empty_state, report_links
from app.page.session import Session
from retrieval.store.chats import ChatEntry

_EXCERPT_CHARS = 110


def history_html(entries: Sequence[ChatEntry], session: Session, shelf: Shelf, language: Language) -> str:
    """One row a chat, last used first; those that the session's search found."""
    if not entries:
        wanted = session.chat_search
        return empty_state(language("history_nothing", words=wanted) if wanted else language("history_none"))
    rows = "".join(_row(entry, session, shelf, language) for entry in entries)
    return f'<ul class="chats">{rows}</ul>'


def _row(entry: ChatEntry, session: Session, shelf: Shelf, language: Language) -> str:
    chat, is_open = entry.chat, entry.chat.id == session.chat_id
    title = escape(chat.title)
    titles = [video.title for video_id in chat.video_ids if (video := shelf.video(video_id))] or [language("gone")]
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(chat.updated_at))
    count = language("question_one") if entry.questions == 1 else language("question_count", count=entry.questions)
    excerpt = f'<span class="chat-excerpt">{escape(_short(entry.excerpt))}</span>' if entry.excerpt else ""
    sure = {
        "confirm": language("chat_delete_sure", title=chat.title),
        "yes": language("delete"),
        "no": language("keep"),
    }
    buttons = _button("rename", chat.id, language("chat_rename", title=chat.title), {"value": chat.title})
    buttons += _button("delete", chat.id, language("chat_delete", title=chat.title), sure)
    save = f'<span class="forms">{language("save_chat")} {report_links(f"chats/{chat.id}/export", language)}</span>'
    return (
        f'<li class="chat{" is-open" if is_open else ""}"><button class="chat-main" data-act="open" data-id="{chat.id}"'
        f' aria-current="{"true" if is_open else "false"}" title="{title}"><span class="chat-title">{title}</span>'
        f'{excerpt}<span class="chat-facts">{when} · {count} · {escape(", ".join(titles))}</span></button>'
        f'<span class="chat-actions">{buttons}</span>{save if is_open else ""}</li>'
    )


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _EXCERPT_CHARS else text[: _EXCERPT_CHARS - 1].rstrip() + "…"


def _button(act: str, chat_id: str, label: str, data: Mapping[str, str]) -> str:
    extra = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    return (
        f'<button class="icon act-{act}" data-act="{act}" data-id="{chat_id}" aria-label="{escape(label)}"'
        f' title="{escape(label)}"{extra}></button>'
    )
