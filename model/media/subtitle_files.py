"""Subtitle files beside a video (SubRip, WebVTT, ASS, SSA), read by pysubs2, whatever their encoding.

A wrong file gives one sentence that says what is wrong with it, and never an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from model.media.subtitle_lines import Line, Subtitles, plain, tidy
from model.text.decoding import decoded

SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")
_FORMATS = ("srt", "vtt", "ass", "ssa")  # by their content: a suffix may lie
MOST_BYTES = 8 << 20  # of a file: a film has 0.2 MB, one with karaoke effects some MB
# Between the video's name and the suffix, beside a language: what players and translators mark their files with.
_MARKS = {"forced", "sdh", "cc", "hi", "full", "default", "foreign", "signs", "songs", "auto", "orig"}
_PARTIAL = {"forced", "foreign", "signs", "songs"}
_SHORT = {
    "chs": "zh",
    "cht": "zh",
    "chn": "zh",
    "cn": "zh",
    "tw": "zh",
    "jp": "ja",
    "kr": "ko",
    "br": "pt",
} | dict.fromkeys(("简体", "简体中文", "简中", "繁体", "繁體", "繁體中文", "繁中"), "zh")
_NAMED_IN_OWN = ("zh", "ja", "ko", "fr", "de", "es", "it", "pt", "ru", "nl", "pl", "tr", "vi", "ar", "hi")
# Blocks of WebVTT that are no cues.
_NO_CUE = re.compile(r"(?:\A|\n)[ \t]*(?:NOTE|STYLE|REGION)\b[^\n]*(?:\n(?!\s*\n)[^\n]*)*", re.MULTILINE)


def is_subtitle_file(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def find_beside(video: Path) -> list[Path]:
    """The subtitle files that lie beside a video and bear its name, alone or with a language: by name."""
    try:
        listed = [other for other in video.parent.iterdir() if is_subtitle_file(other.name) and other.is_file()]
    except OSError:
        return []
    return sorted(other for other in listed if belongs_to(other.name, video.name))


def belongs_to(name: str, video_name: str) -> bool:
    """Whether a subtitle file is named after a video: talk.srt and talk_zh-CN.vtt after talk.mp4."""
    stem = Path(video_name).stem.casefold()
    own = Path(name).stem.casefold()
    if own == stem:
        return True
    rest = own.removeprefix(stem)
    if rest == own or not stem or rest[0] not in "._- [(":
        return False
    parts = _parts(rest)
    return bool(parts) and all(part in _MARKS or _language(part) for part in parts)


def language_of_name(name: str, video_name: str = "") -> str | None:
    """ISO 639-1 of the language that a file's name ends with: "zh" for talk.zh-CN.vtt; None where it names none."""
    codes = {part: _language(part) for part in _parts(_ending(name, video_name))}
    named = [code for part, code in codes.items() if code and part not in _MARKS]
    return named[0] if named else codes.get("hi")  # Hindi, or "hearing impaired" beside another language


def is_partial(name: str, video_name: str = "") -> bool:
    """Whether a file's name says that it holds foreign words or signs only."""
    return bool(_PARTIAL & set(_parts(_ending(name, video_name))))


def _ending(name: str, video_name: str) -> str:
    """What a file's name says beyond the video's; without the video's what stands behind its last dots."""
    own, stem = Path(name).stem.casefold(), Path(video_name).stem.casefold()
    if stem and own.startswith(stem):
        return own.removeprefix(stem)
    return " ".join(part for part in own.split(".")[1:][-2:] if part in _MARKS or _language(part))


def read_subtitle_file(path: Path, duration: float, name: str = "") -> Subtitles:
    """Its lines within the video's `duration` seconds. A file that is none has no lines, and a notice that says why.

    `name`: what it is called, where it is kept under another name.
    """
    name = name or path.name
    try:
        if path.stat().st_size > MOST_BYTES:
            return _refused(f"{name} was left out: it is larger than subtitles are ({MOST_BYTES >> 20} MB).")
        data = path.read_bytes()
    except OSError as error:
        return _refused(f"{name} could not be read: {(error.strerror or str(error)).rstrip('.')}.")
    if not data.strip():
        return _refused(f"{name} is empty: it holds no subtitles.")
    text = decoded(data)
    lines = _parsed(text, Path(name).suffix.lower().removeprefix(".")) if text is not None else None
    if lines is None:
        return _refused(f"{name} was left out: it is no subtitle file (SubRip, WebVTT, ASS or SSA).")
    return tidy(name, lines, duration)


def _refused(sentence: str) -> Subtitles:
    return Subtitles((), (sentence,))


def _parsed(text: str, suffix: str) -> list[Line] | None:
    """None where there is no line with its times. The suffix counts where the content does not show its format."""
    from pysubs2 import SSAFile
    from pysubs2.exceptions import Pysubs2Error
    from pysubs2.formats import autodetect_format

    try:
        kind = autodetect_format(text)
    except Pysubs2Error:
        kind = suffix
    if kind not in _FORMATS:
        return None
    try:
        source = _NO_CUE.sub("\n", text.replace("\r\n", "\n")) if kind == "vtt" else text
        events = SSAFile.from_string(source, format_=kind).events
    except (Pysubs2Error, ValueError, IndexError, KeyError, OverflowError):
        return None
    lines = [
        Line(event.start / 1000, event.end / 1000, plain(event.text))
        for event in events
        if not event.is_comment and not event.is_drawing
    ]
    return lines or None


def _parts(text: str) -> list[str]:
    return list(_split(text))


def _split(text: str) -> Iterator[str]:
    """The marks in the end of a name; "zh-cn" and "pt_br" are one."""
    for piece in re.split(r"[.\s\[\]()&+]+", text):
        whole = piece.strip("-_")
        if not whole:
            continue
        if _language(whole) or whole in _MARKS:
            yield whole
        else:
            yield from filter(None, re.split(r"[-_]+", whole))


@cache
def _language(part: str) -> str | None:
    """ISO 639-1 (or -3) of a tag or an English name of a language; None for any other word."""
    from babel import Locale

    from model.media.tracks import short_code

    names = _names()
    if part in _SHORT or part in names:
        return _SHORT.get(part) or names[part]
    tag = re.fullmatch(r"([a-z]{2,3})(?:[-_](?:[a-z]{4}|[a-z]{2}|\d{3}|419))*", part)
    if not tag:
        return None
    code = short_code(tag[1])
    return code if code in Locale("en").languages else None


@cache
def _names() -> dict[str, str]:
    """Languages by their English names, and large ones by their own, in lower case: "chinese" and "中文" are "zh"."""
    from babel import Locale

    names = {name.casefold(): code for code, name in Locale("en").languages.items() if code.isalpha()}
    return {(Locale(code).get_language_name(code) or code).casefold(): code for code in _NAMED_IN_OWN} | names
