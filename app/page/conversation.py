"""A chat as Gradio's chatbot shows it: our HTML, one line a block, so that its Markdown finds nothing to read.

Texts of videos, files and models are escaped before they get here; the chatbot's own sanitising stays on as well.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

from app.answering import Growing
from app.i18n import Language
from app.page.html import SOURCE_NAMES, Shelf, chip, moment_row
from retrieval.ask.say import MARKER
from retrieval.store.records import Message, Source

_MARKER = re.compile(MARKER.pattern + r"([.,;:!?]*)")  # with the punctuation that must not begin the next line


def chat_history(
    messages: Sequence[Message], shelf: Shelf, language: Language, tools: bool = True
) -> list[dict[str, str]]:
    """Every message in the chatbot's format; the evidence of the last answer is unfolded.

    With `tools` come the links `#edit=POSITION` and `#again`, which making.js takes up: the chatbot's own buttons would
    offer our HTML for editing.
    """
    last = len(messages) - 1
    return [
        {"role": message.role, "content": _content(messages, index, index == last, shelf, language, tools)}
        for index, message in enumerate(messages)
    ]


def growing_chat(growing: Growing, shelf: Shelf, language: Language) -> list[dict[str, str]]:
    """A chat whose last question is being answered, and the questions that come after it."""
    said = chat_history([*growing.history, Message("user", growing.question)], shelf, language, tools=False)
    words = answer_html("", growing.answer, shelf, language) if growing.answer else waiting_html(language)
    note = f'<div class="queued">{escape(language("question_waits"))}</div>'
    waiting = [{"role": "user", "content": f'<div class="asked">{_lines(q)}</div>{note}'} for q in growing.waiting]
    return [*said, {"role": "assistant", "content": words}, *waiting]


def _content(
    messages: Sequence[Message], index: int, is_last: bool, shelf: Shelf, language: Language, tools: bool
) -> str:
    message = messages[index]
    if message.role == "user":
        edit = _tool("edit", f"#edit={index}", language("edit_question")) if tools else ""
        return f'<div class="asked">{_lines(message.text)}{edit}</div>'
    asked = messages[index - 1].text if index else ""
    html = answer_html(message.text, message.answer or {}, shelf, language, unfolded=is_last, asked=asked)
    if not tools or not is_last:
        return html
    return f'{html}\n\n<div class="answer-tools">{_tool("again", "#again", language("answer_again"))}</div>'


def _tool(name: str, link: str, label: str) -> str:
    return f'<a class="tool tool-{name}" href="{link}" title="{escape(label)}"><span>{escape(label)}</span></a>'


def answer_html(
    text: str, answer: dict[str, Any], shelf: Shelf, language: Language, unfolded: bool = True, asked: str = ""
) -> str:
    """An answer with its chips, and beneath it the evidence. `answer` is `Answer.as_json()` with the "marked" text;
    `asked`: the question, for showing what part of a picture fits it."""
    citations: list[dict[str, Any]] = answer.get("citations", [])
    state = "failed" if answer.get("error") else "" if answer.get("found", True) else "not-found"
    words = _with_chips(answer.get("marked") or text, citations, shelf, language)
    said = f'<div class="answer {state}">{words}</div>' if words else waiting_html(language)
    if not citations:
        return said
    why = _why(answer.get("plan") or "", citations, answer.get("searched") or [], language)
    cited = {int(match[1]) for match in _MARKER.finditer(answer.get("marked") or "")}
    return f"{said}\n\n{_evidence(citations, cited, why, shelf, language, unfolded, asked)}"


def waiting_html(language: Language) -> str:
    dots = "<span></span>" * 3
    return f'<div class="answer waiting" title="{escape(language("searching"))}">{dots}</div>'


def _with_chips(text: str, citations: list[dict[str, Any]], shelf: Shelf, language: Language) -> str:
    """Escaped text in which each marker became the chip of that citation."""
    pieces, at = [], 0
    for match in _MARKER.finditer(text):
        number = int(match[1])
        if 1 <= number <= len(citations):
            citation = citations[number - 1]
            video_id = citation["video_id"]
            pieces.append(_lines(text[at : match.start()]))
            cue = chip(shelf.video(video_id), video_id, citation["start"], citation["end"], language)
            pieces.append(f'<span class="cue-end">{cue}{match[2]}</span>')
            at = match.end()
    return "".join([*pieces, _lines(text[at:])]).strip()


def _lines(text: str) -> str:
    return escape(text).strip("\n").replace("\n", "<br>")


def _evidence(
    citations: list[dict[str, Any]],
    cited: set[int],
    why: str,
    shelf: Shelf,
    language: Language,
    unfolded: bool,
    asked: str,
) -> str:
    """The moments that the words rest on (`cited`, counted from 1); what else was found is folded beneath them."""
    several = len({citation["video_id"] for citation in citations}) > 1
    rows = [
        moment_row(
            shelf,
            c["video_id"],
            (c["start"], c["end"]),
            [c["source"]],
            c["quote"],
            language,
            several,
            asked,
            written=c.get("track") == "subtitles",
        )
        for c in citations
    ]
    first = [row for number, row in enumerate(rows, 1) if number in cited] or rows
    others = [row for row in rows if row not in first]
    count = len(first)
    title = language("evidence_one") if count == 1 else language("evidence_count", count=count)
    more = (
        f'<details class="more"><summary>{language("evidence_more", count=len(others))}</summary>'
        f'<div class="moments">{"".join(others)}</div></details>'
        if others
        else ""
    )
    return (
        f'<details class="evidence"{" open" if unfolded else ""}><summary>{title}</summary>'
        f'<div class="moments">{"".join(first)}</div>{more}{why}</details>'
    )


def _why(plan: str, citations: list[dict[str, Any]], searched: Sequence[Source], language: Language) -> str:
    """What was looked for (`plan`, a sentence), what was searched and how many moments each source gave; a summary
    searches nothing."""
    if not searched:
        return ""
    gave = Counter(citation["source"] for citation in citations)
    counts = [
        language(
            ("why_none", "why_one")[gave[source]] if gave[source] < 2 else "why_many",
            count=gave[source],
            source=language(SOURCE_NAMES[source]),
        )
        for source in SOURCE_NAMES
        if source in searched
    ]
    missing = [language(f"why_no_{SOURCE_NAMES[s]}") for s in ("speech", "text") if s not in searched]
    words = " ".join([plan, language("why", counts=language("why_and").join(counts)), *missing])
    return f'<p class="why">{escape(words.strip())}</p>'
