"""The right column: the chat."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from app.page.i18n import LABELS

_FORWARD_TOGGLES = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-act]');
  if (button) window.cuepoint.act(button.dataset.act, button.dataset.id);
});
"""
_FORWARD_QUESTIONS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-ask]');
  if (button) trigger('ask', {text: button.dataset.ask});
});
"""


@dataclass
class ChatPanel:
    new_chat: gr.Button
    scope: gr.HTML
    chatbot: gr.Chatbot
    starter: gr.HTML
    question: gr.Textbox


def build_chat_panel() -> ChatPanel:
    with gr.Row(elem_id="chat-head"):
        scope = gr.HTML(elem_id="scope", js_on_load=_FORWARD_TOGGLES, apply_default_css=False)
        new_chat = gr.Button(LABELS("new_chat"), size="sm", elem_id="new-chat", scale=0, min_width=88)
    chatbot = gr.Chatbot(
        elem_id="chatbot",
        label=LABELS("chat"),
        show_label=False,
        container=False,
        placeholder=LABELS("chat_placeholder"),  # type: ignore[arg-type]
        layout="bubble",
        buttons=[],
        latex_delimiters=[],
        allow_tags=False,
        sanitize_html=True,
        height="100%",
    )
    starter = gr.HTML(elem_id="starter", js_on_load=_FORWARD_QUESTIONS, apply_default_css=False)
    question = gr.Textbox(
        elem_id="question",
        label=LABELS("question_label"),
        show_label=False,
        container=False,
        placeholder=LABELS("question_placeholder"),
        lines=1,
        max_lines=5,
        submit_btn=True,
    )
    return ChatPanel(new_chat, scope, chatbot, starter, question)
