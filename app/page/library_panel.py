"""The left column: uploads and the library."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from app.page.sending import FORWARD_FILES

# One listener for every button in the cards: which one, and of which video. Deleting asks first (page.js).
_FORWARD_CLICKS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-act]');
  if (button) window.cuepoint.confirmed(button, () => trigger('act', {act: button.dataset.act, id: button.dataset.id}));
});
window.cuepoint = window.cuepoint || {};
window.cuepoint.act = (act, id) => trigger('act', {act: act, id: id});
"""


@dataclass
class LibraryPanel:
    upload: gr.HTML
    notices: gr.HTML
    cards: gr.HTML


def build_library_panel() -> LibraryPanel:
    upload = gr.HTML(elem_id="upload", js_on_load=FORWARD_FILES, apply_default_css=False)
    notices = gr.HTML(elem_id="notices", js_on_load=None, apply_default_css=False)
    cards = gr.HTML(elem_id="cards", js_on_load=_FORWARD_CLICKS, apply_default_css=False)
    return LibraryPanel(upload, notices, cards)
