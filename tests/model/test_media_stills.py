"""Picture files are short videos."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.errors import UnreadableMedia
from model.media.frames import Frame, grab, open_frames
from model.media.probe import PICTURE, MediaInfo, probe
from model.media.remux import make_playable

RED, GREEN, BLUE = (200, 20, 20), (20, 200, 20), (20, 20, 200)


def card(colour: tuple[int, ...], size: tuple[int, int] = (120, 80), mode: str = "RGB") -> Image.Image:
    return Image.new(mode, size, colour)


def shown(path: Path, info: MediaInfo) -> list[Frame]:
    return list(open_frames(path, info).frames())


def colour_of(picture: np.ndarray) -> tuple[int, ...]:
    return tuple(int(value) for value in np.median(picture, axis=(0, 1)))


def near(picture: np.ndarray, colour: tuple[int, ...]) -> bool:
    return max(abs(a - b) for a, b in zip(colour_of(picture), colour, strict=True)) <= 12


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tif", "gif", "avif"])
def test_a_still_is_shown_for_five_seconds(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"card.{suffix}"
    card(RED).save(path)
    info = probe(path)
    assert (info.duration, info.width, info.height, info.fps, info.container) == (5.0, 120, 80, 0.0, PICTURE)
    assert info.has_video and not info.has_audio and info.warnings == ()
    (frame,) = shown(path, info)
    assert frame.time == 0.0 and near(frame.rgb(60), RED) and frame.rgb(60).shape == (40, 60, 3)


@pytest.mark.parametrize(("suffix", "options"), [("gif", {}), ("webp", {"lossless": True}), ("png", {})])
def test_an_animation_is_shown_once_at_its_own_pace(tmp_path: Path, suffix: str, options: dict[str, bool]) -> None:
    path = tmp_path / f"moving.{suffix}"
    first, *rest = [card(colour) for colour in (RED, GREEN, BLUE)]
    first.save(path, save_all=True, append_images=rest, duration=[500, 1500, 700], loop=0, **options)
    info = probe(path)
    assert info.duration == pytest.approx(2.7) and info.fps == pytest.approx(3 / 2.7)
    assert [round(frame.time, 3) for frame in shown(path, info)] == [0.0, 0.5, 2.0]
    pictures = grab(path, info, [1.9, 0.2, 2.6], 120)
    assert [near(p, c) for p, c in zip(pictures, (GREEN, RED, BLUE), strict=True)] == [True] * 3


def test_a_short_or_hurried_animation_is_given_time(tmp_path: Path) -> None:
    path = tmp_path / "hurried.gif"
    card(RED).save(path, save_all=True, append_images=[card(GREEN)], duration=0)
    info = probe(path)
    assert info.duration == 1.0 and [round(frame.time, 2) for frame in shown(path, info)] == [0.0, 0.1]


def test_a_photo_is_turned_as_the_camera_was_held(tmp_path: Path) -> None:
    picture = card(RED)
    picture.paste(BLUE, (60, 0, 120, 80))  # the right half as stored is the lower one when turned clockwise
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "held.jpg", exif=exif, quality=95)
    info = probe(tmp_path / "held.jpg")
    (frame,) = shown(tmp_path / "held.jpg", info)
    assert (info.width, info.height, info.rotation) == (80, 120, 0)
    assert near(frame.rgb()[:50], RED) and near(frame.rgb()[70:], BLUE)


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    card((0, 0, 0, 0), mode="RGBA").save(tmp_path / "clear.png")
    (frame,) = shown(tmp_path / "clear.png", probe(tmp_path / "clear.png"))
    assert near(frame.rgb(), (255, 255, 255))


def test_sixteen_bits_and_cmyk_are_read(tmp_path: Path) -> None:
    Image.fromarray(np.full((80, 120), 32_768, np.uint16)).save(tmp_path / "deep.png")
    card((0, 255, 255, 0), mode="CMYK").save(tmp_path / "print.tif")
    (deep,), (printed,) = (shown(p, probe(p)) for p in (tmp_path / "deep.png", tmp_path / "print.tif"))
    assert near(deep.rgb(), (128, 128, 128)) and colour_of(printed.rgb())[0] > 200


def test_the_pages_of_a_scan_are_shown_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    card(RED).save(path, save_all=True, append_images=[card(GREEN, (60, 80))])
    info = probe(path)
    assert info.duration == 10.0 and [frame.time for frame in shown(path, info)] == [0.0, 5.0]
    assert shown(path, info)[1].rgb().shape == (80, 120, 3)


def test_the_copy_for_the_browser_plays_as_long_and_can_be_sought(tmp_path: Path) -> None:
    path = tmp_path / "odd.png"
    card(GREEN, (121, 83)).save(path)
    copy = make_playable(path, probe(path), tmp_path / "playable")
    info = probe(copy)
    assert info.video_codec == "h264" and info.duration == pytest.approx(5.0, abs=0.05)
    assert near(grab(copy, info, [4.4], 100)[0], GREEN)


def bomb(path: Path, side: int = 60_000) -> Path:
    """A PNG whose header claims side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")))
    return path


def test_pictures_that_cannot_be_read_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadableMedia, match=r"^bomb.png could not be read: the picture is too large\.$"):
        probe(bomb(tmp_path / "bomb.png"))
    card(RED, (800, 600)).save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:900])
    with pytest.raises(UnreadableMedia, match=r"^cut.jpg could not be read: the picture is damaged or incomplete\.$"):
        probe(tmp_path / "cut.jpg")
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100)
    with pytest.raises(UnreadableMedia, match="HEIC"):
        probe(tmp_path / "phone.heic")
