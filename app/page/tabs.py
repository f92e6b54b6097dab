"""The tabs beneath the player: find a moment, transcript, on-screen text, summary."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from app.page.hearing import FORWARD_TRACK
from app.page.html import SOURCE_NAMES
from app.page.labels import LABELS
from app.page.sending import FORWARD_FILES

_FORWARD_LIKE = "(window.cuepoint = window.cuepoint || {}).moreLike = (moment) => trigger('resemble', moment);"


@dataclass
class TabsArea:
    query: gr.Textbox
    everywhere: gr.Checkbox
    start: gr.Textbox
    end: gr.Textbox
    sources: list[gr.Checkbox]
    picture: gr.HTML
    results: gr.HTML
    transcript_filter: gr.Textbox
    transcript: gr.HTML
    text_filter: gr.Textbox
    screen_text: gr.HTML
    summary: gr.HTML


def build_tabs() -> TabsArea:
    with gr.Tabs(elem_id="tabs"):
        with gr.Tab(LABELS("tab_find"), id="find"):
            with gr.Row(elem_id="find-row"):
                query = gr.Textbox(
                    label=LABELS("find_label"),
                    show_label=False,
                    container=False,
                    placeholder=LABELS("find_placeholder"),
                    max_lines=1,
                    submit_btn=LABELS("find_button"),  # type: ignore[arg-type]
                    elem_id="find",
                    scale=4,
                )
                everywhere = gr.Checkbox(
                    label=LABELS("find_everywhere"), elem_id="everywhere", container=False, scale=1
                )
            with gr.Row(elem_id="find-scope"):
                start, end = _filter("find_from", min_width=0), _filter("find_to", min_width=0)
                sources = [
                    gr.Checkbox(True, label=LABELS(name), elem_id=f"find-{name}", container=False, min_width=0)
                    for name in SOURCE_NAMES.values()
                ]
                picture = gr.HTML(
                    elem_id="find-picture", js_on_load=FORWARD_FILES, apply_default_css=False, min_width=0
                )
            results = gr.HTML(elem_id="results", elem_classes="list", js_on_load=_FORWARD_LIKE, apply_default_css=False)
        with gr.Tab(LABELS("tab_transcript"), id="transcript"):
            transcript_filter = _filter("filter_transcript")
            transcript = _list("transcript", FORWARD_TRACK)
        with gr.Tab(LABELS("tab_text"), id="text"):
            text_filter = _filter("filter_text")
            screen_text = _list("screen-text")
        with gr.Tab(LABELS("tab_summary"), id="summary"):
            summary = _list("summary")
    return TabsArea(
        query, everywhere, start, end, sources, picture,
        results, transcript_filter, transcript, text_filter, screen_text, summary,
    )  # fmt: skip


def _filter(key: str, min_width: int = 160) -> gr.Textbox:
    return gr.Textbox(
        label=LABELS(key),
        show_label=False,
        container=False,
        max_lines=1,
        placeholder=LABELS(key),
        elem_classes="filter",
        elem_id=key.replace("_", "-"),
        min_width=min_width,
    )


def _list(elem_id: str, js_on_load: str | None = None) -> gr.HTML:
    return gr.HTML(elem_id=elem_id, elem_classes="list", js_on_load=js_on_load, apply_default_css=False)
