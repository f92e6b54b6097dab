from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from model.profile import list_profiles
from retrieval.ask.translated import told
from retrieval.ask.translated_chinese import SENTENCES

ENGLISH, CHINESE = "en", "zh"
ROOT = Path(__file__).resolve().parents[3]


def test_places_are_the_same_in_both_languages() -> None:
    for english, chinese in SENTENCES.items():
        missing = set(re.findall(r"{\w+}", chinese)) - set(re.findall(r"{\w+}", english))
        assert not missing, english


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("no sound", "没有声音"),
        (
            "Some of the file's time stamps were wrong by up to 1:20 and were put right: the file is damaged or was put"
            " together from pieces.",
            "文件的部分时间戳有误（最多相差 1:20），已更正：文件已损坏，或由多段拼成。",
        ),
        (
            "The sound could not be read: a.mp4 could not be read: nothing in it can be decoded, it is damaged or in an"
            " unknown format.",
            "声音无法读取：a.mp4 无法读取：其中没有可以解码的内容，文件已损坏或格式未知。",
        ),
        (
            "Not heard: sound track 2 (Spanish, “Dub”), because its language is not recognised."
            " Choose it to have it heard.",
            "未识别音轨 2（西班牙语，“Dub”）：无法识别其语言。选择它即可识别。",
        ),
        (
            "a.mkv has no stream 9; its sounds are 1 (English, “Main”), 2 (Spanish).",
            "a.mkv 没有流 9；它的音轨有：1（英语，“Main”）、2（西班牙语）。",
        ),
        (
            "Speech at 0:10–0:40, 1:20–1:30 and 3 more times was not written down: it is in French, and no recogniser"
            " of this profile understands it.",
            "0:10–0:40、1:20–1:30以及另外 3 处 的语音没有写下：所说为法语，此配置中没有能识别它的模型。",
        ),
        (
            "5 more subtitle tracks are not taken in, and can be chosen: French, German and 3 more.",
            "另有 5 条字幕轨道没有收录，可以选择：法语、德语以及另外 3 种。",
        ),
        (
            "Subtitle track 4 “Signs”: 2 of 9 lines left out, for they end before they begin.",
            "字幕轨道 4 “Signs”：9 行中有 2 行没有收录，因为结束早于开始。",
        ),
        ("no sound could not be read: {x}.", "no sound 无法读取：{x}。"),  # a file's name is no sentence
        ("Something that nobody foresaw.", "Something that nobody foresaw."),
    ],
)
def test_a_sentence_is_told_in_chinese(english: str, chinese: str) -> None:
    assert told(english, CHINESE) == chinese and told(english, ENGLISH) == english


def test_every_profile_is_told_in_chinese() -> None:
    for profile in list_profiles():
        for words in (profile.summary, *([] if profile.title == "CLIP" else [profile.title])):
            assert told(words, CHINESE) != words, words


def test_every_notice_of_the_code_has_a_chinese_one() -> None:
    """Each sentence that `add_warning` is called with, as it would be with some values."""
    for path in sorted((ROOT / "retrieval").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if call.func.attr == "add_warning" and isinstance(call.args[1], ast.Constant | ast.JoinedStr):
                sentence = written_out(call.args[1])
                assert told(sentence, CHINESE) != sentence, f"{path.name}: {sentence}"


def written_out(text: ast.Constant | ast.JoinedStr) -> str:
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in parts)
