"""How the page looks before our style sheet: Gradio's theme with system fonts only, so that nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

_HERE = Path(__file__).parent
_STYLES = ("style.css", "sending.css", "making.css", "finding.css", "hearing.css", "comments.css")
_SCRIPTS = ("page.js", "sending.js", "making.js", "finding.js", "comments.js")
_SANS = (
    "ui-sans-serif",
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Noto Sans",
    "Noto Sans CJK SC",
    "sans-serif",
)
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
_INDIGO = gr.themes.Color(
    c50="#f1f3fd", c100="#e3e7fb", c200="#c8d0f6", c300="#a5b1ee", c400="#7f8fe4", c500="#5f72d9", c600="#4a5fd0",
    c700="#3f50b5", c800="#364490", c900="#303c73", c950="#1d2444", name="cuepoint-indigo",
)  # fmt: skip


def theme() -> gr.themes.Base:
    base = gr.themes.Base(
        primary_hue=_INDIGO, secondary_hue=_INDIGO, neutral_hue=gr.themes.colors.zinc, font=_SANS, font_mono=_MONO
    )
    return base.set(
        body_background_fill="#f6f6f8",
        body_background_fill_dark="#131418",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        panel_border_width="0px",
        input_background_fill="white",
        input_background_fill_dark="#1f2127",
    )


def style_sheet() -> str:
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in _STYLES)


def head() -> str:
    """Goes into the page's <head>: our scripts, the icon, and what phones need to know."""
    script = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    return (
        '<link rel="icon" href="icon.svg" type="image/svg+xml"><meta name="color-scheme" content="light dark">'
        f'<meta name="referrer" content="same-origin"><script>{script}</script>'
    )
