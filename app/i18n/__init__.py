"""Every word of the page for our own HTML, in English and Chinese; `app/page/labels.py` gives them to Gradio's parts.

The browser picks the language of Gradio's labels from its own setting and sends the same setting as Accept-Language,
so both halves of the page speak alike.
"""

from __future__ import annotations

from typing import Any

from app.i18n.chinese import CHINESE
from app.i18n.english import ENGLISH

_WORDS = {"en": ENGLISH, "zh": CHINESE}


class Language:
    """The words of one language: `language("eta", time="0:10")`."""

    def __init__(self, code: str) -> None:
        self.code = code if code in _WORDS else "en"

    def __call__(self, key: str, **values: object) -> str:
        return _WORDS[self.code][key].format(**values)

    def template(self, key: str) -> str:
        """The words with their `{places}` still open, for a script to fill in."""
        return _WORDS[self.code][key]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Language) and other.code == self.code

    def __hash__(self) -> int:
        return hash(self.code)


def language_of(request: Any) -> Language:
    """The first language of the request's Accept-Language header, English when it is none of ours."""
    header = request.headers.get("accept-language", "") if request is not None else ""
    first = header.split(",")[0].split(";")[0].strip().lower()
    return Language("zh" if first.startswith("zh") else "en")
