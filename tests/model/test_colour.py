import numpy as np
import pytest

from model.vision.colour import describe_colours

PATCHES = {
    "black": [(0, 0, 0), (20, 20, 25)],
    "white": [(255, 255, 255), (245, 242, 236)],
    "grey": [(128, 128, 128), (70, 72, 75), (185, 185, 190)],
    "red": [(255, 0, 0), (150, 10, 10), (205, 40, 45)],
    "orange": [(255, 140, 0), (235, 120, 30)],
    "brown": [(139, 69, 19), (92, 51, 23), (120, 80, 50)],
    "yellow": [(255, 255, 0), (255, 215, 0), (240, 225, 120)],
    "green": [(0, 255, 0), (34, 139, 34), (50, 90, 40), (107, 142, 35)],
    "blue": [(0, 0, 255), (20, 40, 110), (135, 206, 235), (70, 130, 180)],
    "purple": [(128, 0, 128), (75, 0, 130), (147, 112, 219)],
    "pink": [(255, 192, 203), (255, 105, 180), (250, 128, 114)],
}


@pytest.mark.parametrize(("name", "rgb"), [(name, rgb) for name, patches in PATCHES.items() for rgb in patches])
def test_a_plain_patch_has_its_name(name: str, rgb: tuple[int, int, int]) -> None:
    assert describe_colours(np.full((48, 80, 3), rgb, np.uint8)) == [(name, 1.0)]


def test_shares_come_largest_first_and_specks_are_left_out() -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[:, :50] = (255, 0, 0)
    picture[0, 190:] = (0, 0, 255)
    colours = describe_colours(picture)
    assert [name for name, _ in colours] == ["black", "red"]
    assert colours[1][1] == pytest.approx(0.25, abs=0.02)


def test_a_picture_smaller_than_the_sample_is_fine() -> None:
    assert describe_colours(np.full((1, 2, 3), 255, np.uint8)) == [("white", 1.0)]
