"""The words of Gradio's own components, which the browser picks by its own setting."""

from __future__ import annotations

import gradio as gr

from app.i18n.chinese import CHINESE
from app.i18n.english import ENGLISH

LABELS = gr.I18n(**{"en": ENGLISH, "zh": CHINESE, "zh-CN": CHINESE})
