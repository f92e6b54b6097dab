"""Text files whose encoding nobody wrote down: from bytes to words.

Unicode says what it is, or fails to decode. The rest is told apart by charset-normalizer; the code pages of Latin
letters, which differ in a few accents only, by which language the words then are of.
"""

from __future__ import annotations

import codecs
import functools
import json
from pathlib import Path

from model.text.written_language import frequent_words

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
# What editors of each part of the world save in.
_PAGES = [
    "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255",
    "cp1256", "koi8_r",
]  # fmt: skip
_LATIN = {
    "cp1250": ("cs", "sk", "pl", "hu", "ro", "hr"),
    "cp1254": ("tr",),
    "cp1252": ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "ca", "id"),
}
_SAMPLE = 200_000  # bytes that the encoding is told from
_NULS = 0.2  # share of NUL bytes on one side of each pair in UTF-16 of any text with spaces and digits
_CONTROLS = 0.02  # of the characters: more is no text


def decoded(data: bytes) -> str | None:
    """The text of a file; None where it holds no text."""
    text = _unicode(data)
    if text is None and b"\0" not in data:
        page = _page(data[:_SAMPLE])
        text = data.decode(page, "replace") if page else None
    if text is None:
        return None
    odd = sum(1 for c in text[:_SAMPLE] if c < " " and c not in "\t\r\n\f\v") + text[:_SAMPLE].count("\ufffd")
    return None if odd > _CONTROLS * max(1, len(text[:_SAMPLE])) else text


def _unicode(data: bytes) -> str | None:
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if marked:
        return data.decode(marked, "replace")
    if b"\0" in data:
        even, odd = data[::2].count(0) / max(1, len(data) / 2), data[1::2].count(0) / max(1, len(data) / 2)
        if max(even, odd) < _NULS or min(even, odd) > _NULS / 4:
            return None
        return data.decode("utf-16-be" if even > odd else "utf-16-le", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        cut_short = error.start >= len(data) - 3  # in the middle of a character, by whoever cut the file
        return data.decode("utf-8", "ignore") if cut_short and error.start > 0 else None


def _page(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(data, cp_isolation=_PAGES).best()
    if best is None:
        return None
    if best.encoding in _common():
        return max(_common(), key=lambda page: (_common_share(data, page), page == best.encoding))
    if best.encoding not in _LATIN:
        return best.encoding
    rated = []
    for page, languages in _LATIN.items():
        words = frequent_words(data.decode(page, "replace"))
        rated.append((max(words[language] for language in languages), page == best.encoding, page))
    return max(rated)[2]


def _common_share(data: bytes, page: str) -> float:
    """How many of the letters that are not ASCII are common ones, where the bytes are those of the page at all."""
    try:
        letters = [c for c in codecs.getincrementaldecoder(page)().decode(data) if c > "\x7f" and c.isalpha()]
    except UnicodeDecodeError:
        return -1.0
    common = _common()[page]
    return sum(c in common for c in letters) / max(1, len(letters))


@functools.cache
def _common() -> dict[str, frozenset[str]]:
    """The commonest characters of what each page is used for: bytes of one that are read as another give rare ones."""
    data = json.loads((Path(__file__).parent / "common_characters.json").read_text(encoding="utf-8"))
    return {page: frozenset(characters) for page, characters in (data | {"euc_jp": data["shift_jis"]}).items()}
