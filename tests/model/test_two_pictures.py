"""Two pictures of one file are seen as one; the same picture in two sizes is seen once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.media.frames import Frame, grab, open_frames
from model.media.probe import MediaInfo, probe
from tests.media_factory import Scene
from tests.track_files import PictureTrack, write_tracks

RED, GREEN, BLUE = (200, 30, 30), (30, 180, 40), (30, 40, 200)
CAMERA = PictureTrack([Scene(3, RED), Scene(3, GREEN)])
SLIDES = PictureTrack([Scene(2, BLUE, "ONE", moving=False), Scene(4, BLUE, "TWO", moving=False)], fps=5)


def two(folder: Path, *pictures: PictureTrack, name: str = "talk.mkv") -> tuple[Path, MediaInfo]:
    path = write_tracks(folder / name, pictures or (CAMERA, SLIDES))
    return path, probe(path)


def colours(picture: np.ndarray, stacked: bool = True) -> list[list[int]]:
    """Of the middles of the first and the second picture."""
    height, width = picture.shape[:2]
    places = [(0.15, 0.1), (0.7, 0.1)] if stacked else [(0.1, 0.15), (0.1, 0.7)]
    return [picture[int(y * height), int(x * width)].tolist() for y, x in places]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_both_pictures_are_in_every_frame(tmp_path: Path, suffix: str) -> None:
    path, info = two(tmp_path, name=f"talk{suffix}")
    assert info.second is not None and MediaInfo.from_json(info.to_json()) == info
    assert any("two pictures" in sentence for sentence in info.warnings)
    frames = list(open_frames(path, info).frames())
    assert [frame.time for frame in frames] == pytest.approx([n / 10 for n in range(60)], abs=0.02)
    for number, first in ((10, RED), (45, GREEN)):
        picture = frames[number].rgb(320)
        assert picture.shape == (369, 320, 3) and frames[number].luma.shape == (36, 64)
        np.testing.assert_allclose(colours(picture), [first, BLUE], atol=14)


def same(one: Frame, other: Frame) -> bool:
    return (
        one.time == other.time and bool((one.luma == other.luma).all()) and bool((one.rgb(96) == other.rgb(96)).all())
    )


@pytest.mark.parametrize("start", [1.0, 2.5, 5.9])
def test_a_run_from_the_middle_gives_the_very_same_frames(tmp_path: Path, start: float) -> None:
    path, info = two(tmp_path, CAMERA, PictureTrack(SLIDES.scenes, fps=1))
    whole = [frame for frame in open_frames(path, info).frames() if frame.time >= start - 1e-3]
    rest = list(open_frames(path, info).frames(start))
    assert len(rest) == len(whole) and all(map(same, rest, whole))


def test_stills_show_both(tmp_path: Path) -> None:
    path, info = two(tmp_path)
    first, last = grab(path, info, [1.0, 5.0], 320)
    np.testing.assert_allclose([colours(first), colours(last)], [[RED, BLUE], [GREEN, BLUE]], atol=14)


def test_tall_pictures_stand_beside_each_other(tmp_path: Path) -> None:
    path, info = two(tmp_path, PictureTrack(CAMERA.scenes, (180, 320)), PictureTrack([Scene(6, BLUE)], (180, 320)))
    picture = next(open_frames(path, info).frames(1.0)).rgb(320)
    assert picture.shape == (320, 369, 3)
    np.testing.assert_allclose(colours(picture, stacked=False), [RED, BLUE], atol=14)


def test_the_picture_that_goes_on_longer_is_seen_to_its_end(tmp_path: Path) -> None:
    path, info = two(
        tmp_path, PictureTrack([Scene(3, RED)]), PictureTrack([Scene(6, BLUE), Scene(3, GREEN)], (160, 90))
    )
    assert info.duration == pytest.approx(9, abs=0.1)
    assert list(open_frames(path, info).frames())[-1].time == pytest.approx(8.9, abs=0.05)


def test_the_same_film_in_a_smaller_size_is_seen_once(tmp_path: Path) -> None:
    path, info = two(tmp_path, CAMERA, PictureTrack(CAMERA.scenes, (160, 90)))
    assert info.second is None and info.warnings == ("no sound",)
    assert next(open_frames(path, info).frames()).rgb(320).shape == (180, 320, 3)


def test_of_three_pictures_two_are_seen_and_the_third_is_told(tmp_path: Path) -> None:
    small = PictureTrack([Scene(6, GREEN, "small")], (96, 54))
    _, info = two(tmp_path, CAMERA, small, PictureTrack(SLIDES.scenes, (640, 360)))
    assert info.second is not None and (info.width, info.second.width) == (320, 640)
    assert any("3 pictures" in sentence and "left out" in sentence for sentence in info.warnings)
