"""What a probe says of good files, and the one sentence it says of bad ones."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from model.errors import UnreadableMedia
from model.media.probe import MediaInfo, probe
from tests.media_factory import Scene, make_audio, make_video, truncate, write_noise


def test_an_ordinary_video(tmp_path: Path) -> None:
    info = probe(make_video(tmp_path / "clip.mp4", [Scene(1), Scene(1)], fps=10))
    assert (info.width, info.height, info.rotation, info.video_codec, info.audio_codec) == (320, 180, 0, "h264", "aac")
    assert info.fps == pytest.approx(10)
    assert info.duration == pytest.approx(2.0, abs=0.05)
    assert (info.start_s, info.warnings, info.has_video, info.has_audio) == (0.0, (), True, True)
    assert MediaInfo.from_json(json.loads(json.dumps(info.to_json()))) == info


def test_a_video_without_sound_says_so(tmp_path: Path) -> None:
    info = probe(make_video(tmp_path / "clip.webm", audio=None))
    assert (info.has_audio, info.warnings) == (False, ("no sound",))


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".wav", ".m4a", ".ogg"])
def test_sound_alone(tmp_path: Path, suffix: str) -> None:
    info = probe(make_audio(tmp_path / f"sound{suffix}", seconds=2.0))
    assert (info.has_video, info.width, info.fps) == (False, 0, 0.0)
    assert info.duration == pytest.approx(2.0, abs=0.05)
    assert "no picture: only the sound was indexed" in info.warnings


def test_cover_art_is_not_a_video(tmp_path: Path) -> None:
    assert not probe(make_audio(tmp_path / "song.mp3", cover=True)).has_video


def test_the_timeline_lasts_as_long_as_the_longer_of_picture_and_sound(tmp_path: Path) -> None:
    info = probe(make_video(tmp_path / "clip.mkv", [Scene(2)], audio_start_s=1.5))
    assert info.duration == pytest.approx(3.5, abs=0.1)


def test_sound_before_the_picture_does_not_count(tmp_path: Path) -> None:
    info = probe(make_video(tmp_path / "clip.mkv", [Scene(2)], audio_start_s=-0.7))
    assert info.start_s == pytest.approx(0.7, abs=0.01)
    assert info.duration == pytest.approx(2.0, abs=0.1)


def test_a_cut_off_file_is_as_long_as_what_is_there(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", [Scene(5)] * 4, container_options={"movflags": "faststart"})
    info = probe(truncate(path, 0.5))
    assert 5 < info.duration < 15
    assert any("cut off" in warning and "20.0 s" in warning for warning in info.warnings)


def test_a_recording_without_a_length_is_measured(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.webm", [Scene(3)], container_options={"live": "1"})
    assert probe(path).duration == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize(
    "name, content, reason",
    [
        ("bad.mp4", b"", "is empty"),
        ("bad.mp4", b"just some words\n" * 40, "not a video or sound file"),
        ("bad.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nother.ts\n#EXT-X-ENDLIST\n", "playlists"),
        ("bad.mp4", b"ffconcat version 1.0\nfile 'other.mp4'\n", "playlists"),
    ],
)
def test_what_is_no_video_gets_one_sentence(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    make_video(tmp_path / "other.mp4")
    make_video(tmp_path / "other.ts")
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableMedia, match=reason) as refusal:
        probe(path)
    assert name in str(refusal.value)
    assert str(refusal.value).count("\n") == 0


def test_noise_and_half_a_file_are_unreadable(tmp_path: Path) -> None:
    for path in (write_noise(tmp_path / "noise.mp4"), truncate(make_video(tmp_path / "half.mp4"), 0.5)):
        with pytest.raises(UnreadableMedia, match=path.name):
            probe(path)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for path, reason in [
        (tmp_path / "missing.mp4", "does not exist"),
        (tmp_path, "is a folder"),
        (tmp_path / "pipe.mp4", "not a regular file"),
        (Path("https://example.com/clip.mp4"), "is an address"),
        (Path("concat:a.mp4|b.mp4"), "is an address"),
    ]:
        with pytest.raises(UnreadableMedia, match=reason):
            probe(path)


def test_a_name_with_a_colon_is_a_file_all_the_same(tmp_path: Path) -> None:
    path = make_video(tmp_path / "plain.mp4")
    odd = path.rename(tmp_path / "http:odd %03d name.mp4")
    assert probe(odd).duration == pytest.approx(2.0, abs=0.05)


def test_the_time_limit_holds(tmp_path: Path) -> None:
    with pytest.raises(UnreadableMedia, match="within 0"):
        probe(make_video(tmp_path / "clip.mp4"), timeout_s=0.01)
