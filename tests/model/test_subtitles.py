from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.media.probe import probe
from model.media.subtitle_files import belongs_to, find_beside, is_partial, language_of_name, read_subtitle_file
from model.media.subtitle_lines import Line, plain, tidy
from model.media.subtitles import Subtitles, read_tracks
from model.text.written_language import language_of_text
from tests.media_factory import corrupt
from tests.subtitle_factory import Track, make_subtitled, srt

CUES = [(1.0, 3.0, "The harbour is closed"), (4.0, 6.5, "Meet me at noon")]


def read(path: Path, **more: object) -> list[Subtitles]:
    info = probe(path)
    tracks = [track for track in info.tracks if track.kind == "subtitles"]
    found = read_tracks(path, info, tracks, **more)  # type: ignore[arg-type]
    return [found[track.index] for track in tracks]


def rows(found: Subtitles) -> list[tuple[float, float, str]]:
    return [(round(line.start, 2), round(line.end, 2), line.text) for line in found.lines]


@pytest.mark.parametrize(
    ("codec", "suffix"), [("mov_text", ".mp4"), ("subrip", ".mkv"), ("ass", ".mkv"), ("webvtt", ".mkv")]
)
def test_text_tracks_are_read_with_their_times(codec: str, suffix: str, tmp_path: Path) -> None:
    path = make_subtitled(tmp_path / f"a{suffix}", [Track(CUES, codec, "eng"), Track(CUES[:1], codec, "spa")])
    first, second = read(path)
    assert rows(first) == CUES and not first.notices
    assert rows(second) == CUES[:1]


@pytest.mark.parametrize("codec", ["hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"])
def test_pictures_are_drawn_for_the_reader(codec: str, tmp_path: Path) -> None:
    seen: list[np.ndarray] = []

    def reader(picture: np.ndarray) -> str:
        seen.append(picture)
        return f"line {len(seen)}"

    (found,) = read(make_subtitled(tmp_path / "a.mkv", [Track(CUES, codec)]), read_picture=reader)
    assert rows(found) == [(1.0, 3.0, "line 1"), (4.0, 6.5, "line 2")]
    for picture in seen:
        assert picture.dtype == np.uint8 and picture.shape[2] == 3 and picture.shape[0] > 64
        letters = (picture[:, :, 0] > 200).mean()
        assert 0.01 < letters < 0.3 and (picture[:, :, 0] < 20).mean() > 0.6  # white on black, most of it empty


def test_pictures_of_blu_ray_are_read_by_ocr(tmp_path: Path) -> None:
    from model.reading.ocr import RapidTextReader

    reader = RapidTextReader()
    path = make_subtitled(tmp_path / "a.mkv", [Track(CUES, "hdmv_pgs_subtitle")])
    (found,) = read(path, read_picture=lambda picture: "\n".join(box.text for box in reader.read(picture)))
    assert rows(found) == CUES


def test_without_a_reader_pictures_have_no_lines(tmp_path: Path) -> None:
    (found,) = read(make_subtitled(tmp_path / "a.mkv", [Track(CUES, "hdmv_pgs_subtitle")]))
    assert not found.lines


def test_times_are_those_of_the_picture(tmp_path: Path) -> None:
    path = make_subtitled(tmp_path / "a.mkv", [Track(CUES)], start_s=5.0)
    assert probe(path).start_s == pytest.approx(5.0, abs=0.01)
    assert rows(read(path)[0]) == CUES


def test_a_damaged_file_gives_the_lines_that_are_left(tmp_path: Path) -> None:
    cues = [(second, second + 0.8, f"this is line number {second}") for second in range(20)]
    path = corrupt(make_subtitled(tmp_path / "a.mkv", [Track(cues)], seconds=20), at=0.5, count=3000)
    (found,) = read(path)
    assert 5 < len(found.lines) < 20
    assert {line.text for line in found.lines} <= {text for _, _, text in cues}


def test_reading_stops_when_it_is_told_to(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def check() -> None:
        raise StopError

    path = make_subtitled(tmp_path / "a.mkv", [Track(CUES)])
    with pytest.raises(StopError):
        read(path, check=check)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (r"{\i1}Hello{\i0}\Nthere", "Hello\nthere"),
        ('<font color="red">Hello</font> <b>you</b>', "Hello you"),
        ("<v Bob>Hello <00:00:02.000><c.yellow>you</c></v>", "Hello you"),
        ("Fish &amp; chips&nbsp;now", "Fish & chips now"),
        ("a < b and {really}", "a < b and {really}"),
        (r"{\k20}ka{\k30}ra", "kara"),
        ("\u200e- Yes\u202c", "- Yes"),
    ],
)
def test_mark_up_is_removed(written: str, shown: str) -> None:
    assert plain(written) == shown


def tidied(*lines: tuple[float, float | None, str], duration: float = 60.0) -> list[tuple[float, float, str]]:
    return rows(tidy("x", [Line(*line) for line in lines], duration))


def test_rows_are_joined_and_empty_lines_dropped() -> None:
    assert tidied((1, 2, "one\ntwo"), (3, 4, " "), (5, 6, "♪"), (7, 8, "5")) == [(1, 2, "one two"), (7, 8, "5")]


def test_layers_and_repeats_become_one_line() -> None:
    assert tidied((1, 3, "Hello there"), (1, 3, "Hello there"), (3, 5, "Hello there")) == [(1, 5, "Hello there")]


def test_the_same_words_said_again_later_are_two_lines() -> None:
    assert len(tidied((1, 2, "No!"), (4, 5, "No!"))) == 2


def test_rows_that_roll_up_are_told_once() -> None:
    rolling = tidied((0, 2, "one two"), (2, 2.01, "one two"), (2.01, 4, "one two\nthree"), (4.0, 6, "three\nfour"))
    assert [text for _, _, text in rolling] == ["one two", "three", "four"]


def test_a_line_that_grows_word_by_word_is_one() -> None:
    growing = tidied((1, 1.5, "To"), (1.5, 2, "To be"), (2, 4, "To be or not"))
    assert growing == [(1, 4, "To be or not")]


def test_sung_syllables_are_joined_and_short_lines_are_not() -> None:
    sung = [(5 + 0.3 * n, 7 + 0.3 * n, part) for n, part in enumerate(["twin", "kle", "lit", "tle", "star"])]
    assert [text for _, _, text in tidied(*sung)] == ["twin kle lit tle star"]
    assert len(tidied((1, 2, "Yes"), (2.5, 3, "No"), (4, 5, "Oh"), (6, 7, "Ah"))) == 4


def test_lines_at_the_same_time_that_say_different_things_are_kept() -> None:
    assert len(tidied((1, 4, "EXIT"), (1, 3, "Where is the door?"))) == 2


def test_times_outside_the_video_are_cut_or_left_out_with_a_notice() -> None:
    found = tidy("talk.srt", [Line(-2, 1, "a"), Line(8, 14, "b"), Line(3600, 3603, "c"), Line(5, 3, "d")], 10.0)
    assert rows(found) == [(0, 1, "a"), (8, 10, "b")]
    assert found.notices == (
        "talk.srt: 1 of 4 lines left out, for they end before they begin.",
        "talk.srt: 1 of 3 lines left out, for their times lie outside the video.",
    )


def test_a_line_without_an_end_stands_until_the_next_one() -> None:
    assert tidied((1, None, "a"), (2.5, None, "b"), duration=20) == [(1, 2.5, "a"), (2.5, 4.5, "b")]


def test_endless_lines_and_endless_files_are_bounded() -> None:
    long = tidy("x", [Line(1, 2, "word " * 5000)], 10.0)
    assert len(long.lines[0].text) <= 1000 and "cut" in long.notices[0]
    many = tidy("x", [Line(n / 1000, n / 1000 + 0.0005, f"line {n}") for n in range(20_005)], 100.0)
    assert len(many.lines) == 20_000 and "too many" in many.notices[0]


CHINESE = [(1.0, 2.0, "请从北门进入大楼"), (3.0, 4.0, "今天下午三点开会")]
SPANISH = [(1.0, 2.0, "¿Dónde está la niña?"), (3.0, 4.0, "No lo sé, pero mañana vendrá con su señora")]
RUSSIAN = [(1.0, 2.0, "Я не знаю, где она живёт"), (3.0, 4.0, "Приходите завтра утром")]
JAPANESE = [(1.0, 2.0, "明日は何時に行きますか"), (3.0, 4.0, "わかりませんでした")]
HUNGARIAN = [(1.0, 2.0, "Nem tudom, hogy hol van, és nem is érdekel"), (3.0, 4.0, "Már megint őt keresed, ugye?")]


@pytest.mark.parametrize(
    ("cues", "encoding"),
    [
        (CHINESE, "utf-8"), (CHINESE, "utf-8-sig"), (CHINESE, "utf-16"), (SPANISH, "utf-16-le"), (SPANISH, "utf-16-be"),
        (CHINESE, "gb18030"), (CHINESE, "big5"), (SPANISH, "cp1252"), (RUSSIAN, "cp1251"), (RUSSIAN, "koi8-r"),
        (JAPANESE, "shift_jis"), (JAPANESE, "euc_jp"), (HUNGARIAN, "cp1250"),
    ],
)  # fmt: skip
def test_files_are_read_whatever_their_encoding(
    cues: list[tuple[float, float, str]], encoding: str, tmp_path: Path
) -> None:
    text = srt(cues)
    if encoding == "big5":  # has the traditional characters only
        text = text.replace("请从北门进入大楼", "請從北門進入大樓").replace("今天下午三点开会", "今天下午三點開會")
        cues = [(1.0, 2.0, "請從北門進入大樓"), (3.0, 4.0, "今天下午三點開會")]
    (tmp_path / "a.srt").write_bytes(text.encode(encoding))
    assert rows(read_subtitle_file(tmp_path / "a.srt", 10.0)) == cues


def test_webvtt_and_ass_files_are_read(tmp_path: Path) -> None:
    vtt = (
        "WEBVTT\n\nSTYLE\n::cue { color: red }\n\nfirst\n00:01.000 --> 00:03.000 line:0\n<v Bob>Hello</v>\n\n"
        "NOTE of two\nrows\n\n00:00:04.000 --> 00:00:05.000\n- Who?\n- Me.\n"
    )
    (tmp_path / "a.vtt").write_text(vtt)
    assert rows(read_subtitle_file(tmp_path / "a.vtt", 10.0)) == [(1, 3, "Hello"), (4, 5, "- Who? - Me.")]
    ass = (
        "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,hidden\n"
        r"Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\an8}Well, yes\Nindeed"
        "\n"
        r"Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,{\p1}m 0 0 l 9 9{\p0}"
        "\n"
    )
    (tmp_path / "a.ass").write_text(ass)
    assert rows(read_subtitle_file(tmp_path / "a.ass", 10.0)) == [(1, 2, "Well, yes indeed")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html><body>Not found</body></html>", "is no subtitle file"),
        (bytes(range(256)) * 40, "is no subtitle file"),
        (b"Dear friend,\nthis is a letter.\n", "is no subtitle file"),
        (srt([(7200, 7203, "far away")]).encode(), "lie outside the video"),
        (srt([(5, 3, "backwards")]).encode(), "end before they begin"),
    ],
)
def test_a_wrong_file_has_no_lines_and_one_notice(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "talk.srt").write_bytes(content)
    found = read_subtitle_file(tmp_path / "talk.srt", 60.0)
    assert not found.lines
    assert len(found.notices) == 1 and found.notices[0].startswith("talk.srt") and reason in found.notices[0]


def test_a_file_that_is_gone_has_a_notice(tmp_path: Path) -> None:
    assert "could not be read" in read_subtitle_file(tmp_path / "talk.srt", 60.0).notices[0]


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("talk.srt", None), ("talk.en.srt", "en"), ("talk.zh-CN.vtt", "zh"), ("talk.chs.ass", "zh"),
        ("talk_pt-BR.srt", "pt"), ("talk.eng.sdh.srt", "en"), ("talk.en.hi.srt", "en"), ("talk.hi.srt", "hi"),
        ("talk.Spanish.srt", "es"), ("talk.简体中文.srt", "zh"), ("TALK.FRE.SRT", "fr"),
    ],
)  # fmt: skip
def test_a_files_name_tells_its_video_and_language(name: str, language: str | None) -> None:
    assert belongs_to(name, "talk.mp4")
    assert language_of_name(name, "talk.mp4") == language


@pytest.mark.parametrize("name", ["talk2.srt", "talk.final.srt", "other.en.srt", "talk part two.srt"])
def test_files_of_other_videos_do_not_belong(name: str) -> None:
    assert not belongs_to(name, "talk.mp4")


def test_words_of_the_videos_own_name_are_no_language() -> None:
    assert language_of_name("no.country.for.men.srt", "no.country.for.men.mkv") is None
    assert is_partial("talk.en.forced.srt", "talk.mp4") and not is_partial("signs.srt", "signs.mp4")


def test_files_beside_a_video_are_found(tmp_path: Path) -> None:
    for name in ("talk.mp4", "talk.srt", "talk.en.VTT", "talk.txt", "other.srt", "talk.de.ass"):
        (tmp_path / name).write_text("x")
    (tmp_path / "talk.fr.srt").mkdir()
    assert [path.name for path in find_beside(tmp_path / "talk.mp4")] == ["talk.de.ass", "talk.en.VTT", "talk.srt"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I don't know what you want, but this is not the way to do it and you know that.", "en"),
        ("Ich weiß nicht, was du willst, aber das ist nicht der Weg, und das weißt du auch.", "de"),
        ("Je ne sais pas ce que vous voulez, mais ce n'est pas dans les livres que vous lisez.", "fr"),
        ("No sé lo que quieres, pero esto no es para ti y además está muy lejos de la casa.", "es"),
        ("Não sei o que você quer, mas isto não é para você e também está muito longe da casa.", "pt"),
        ("我不知道你想要什么", "zh"), ("何が欲しいのかわからない", "ja"), ("무엇을 원하는지 모르겠어요", "ko"),
        ("Я не знаю, что ты хочешь, но это не так, и ты это знаешь, как и все мы.", "ru"),
        ("Captain!", None), ("Blorp zing wubble frang dolop kanzu trilm vex", None), ("12:30", None),
    ],
)  # fmt: skip
def test_the_language_of_a_text(text: str, language: str | None) -> None:
    assert language_of_text(text) == language
