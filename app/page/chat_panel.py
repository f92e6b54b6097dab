"""The right column: the chat, and the list of earlier ones that can be laid over it."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from app.page.labels import LABELS

_FORWARD_TOGGLES = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-act]');
  if (button) window.cuepoint.act(button.dataset.act, button.dataset.id);
});
"""
# Buttons of the chat history; another answer or another question, which making.js asks for, go this way too.
_FORWARD_CHATS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-act]');
  const go = (act, more) => trigger('act', {act: act, id: button.dataset.id, ...more});
  if (button) window.cuepoint.actOnChat(button, go);
});
window.cuepoint = window.cuepoint || {};
window.cuepoint.again = () => trigger('again', {});
window.cuepoint.edit = (position, text) => trigger('edit', {position: position, text: text});
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
    history_button: gr.Button
    history_search: gr.Textbox
    history: gr.HTML
    scope: gr.HTML
    chatbot: gr.Chatbot
    starter: gr.HTML
    question: gr.Textbox


def build_chat_panel() -> ChatPanel:
    with gr.Row(elem_id="chat-head"):
        scope = gr.HTML(elem_id="scope", js_on_load=_FORWARD_TOGGLES, apply_default_css=False)
        history_button = gr.Button(LABELS("history"), size="sm", elem_id="history-button", scale=0, min_width=64)
        new_chat = gr.Button(LABELS("new_chat"), size="sm", elem_id="new-chat", scale=0, min_width=88)
    with gr.Column(elem_id="history", min_width=0):
        history_search = gr.Textbox(
            label=LABELS("history_search"),
            show_label=False,
            container=False,
            max_lines=1,
            placeholder=LABELS("history_search"),
            elem_classes="filter",
            elem_id="history-search",
        )
        history = gr.HTML(elem_id="chats", js_on_load=_FORWARD_CHATS, apply_default_css=False)
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
    return ChatPanel(new_chat, history_button, history_search, history, scope, chatbot, starter, question)
