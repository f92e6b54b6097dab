"""Which colours a picture has, in the eleven basic colour terms of English (Berlin and Kay, 1969).

Pixels are named in OKLab (Ottosson, https://bottosson.github.io/posts/oklab/), where lightness, chroma and hue come
apart as people see them. No model, no state: a question about a colour is answered from the pixels.
"""

from __future__ import annotations

import numpy as np

NAMES = ("black", "grey", "white", "red", "orange", "brown", "yellow", "green", "blue", "purple", "pink")
SIDE_PX = 64  # pixels looked at a side: a share of the picture needs no more
CELL_PX = 8  # pixels looked at a side of each cell of a grid
MIN_SHARE = 0.02  # less is noise and edges

# Chroma below which a colour has no hue to speak of; the dark needs less of it to count as black.
_GREY_CHROMA = 0.035
_BLACK_LIGHTNESS, _WHITE_LIGHTNESS = 0.22, 0.88
# Where one hue ends and the next begins, degrees of the OKLab plane. sRGB red lies at 29, orange (255, 165, 0) at 71,
# yellow at 110, green at 142, cyan at 195, blue at 264, magenta at 328.
_HUES = (
    (12, "pink"),  # from magenta on to rose, or purple where it is dark
    (43, "red"),
    (88, "orange"),  # brown where it is dark or dull
    (116, "yellow"),  # olive counts as green
    (198, "green"),
    (281, "blue"),
    (323, "purple"),
    (360, "pink"),
)

_TO_LMS = np.array([[0.4122214708, 0.5363325363, 0.0514459929],
                    [0.2119034982, 0.6806995451, 0.1073969566],
                    [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
_TO_LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468],
                    [1.9779984951, -2.4285922050, 0.4505937099],
                    [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip


def describe_colours(picture: np.ndarray) -> list[tuple[str, float]]:
    """picture: uint8 [H, W, 3] RGB. (name, share of the picture), largest first; shares under 2 % are left out."""
    height, width = picture.shape[:2]
    rows, columns = (np.linspace(0, side - 1, min(side, SIDE_PX)).round().astype(int) for side in (height, width))
    names = name_colours(picture[np.ix_(rows, columns)].reshape(-1, 3))
    shares = np.bincount(names, minlength=len(NAMES)) / names.size
    return [(NAMES[i], float(shares[i])) for i in np.argsort(-shares, kind="stable") if shares[i] >= MIN_SHARE]


def cell_colours(pictures: np.ndarray, side: int) -> np.ndarray:
    """pictures: uint8 [N, H, W, 3] RGB. float16 [N, side * side, 11]: the share of each colour in each cell of a grid,
    row by row."""
    height, width = pictures.shape[1:3]
    places = (np.arange(side * CELL_PX) + 0.5) / (side * CELL_PX)
    rows, columns = (np.minimum((places * length).astype(int), length - 1) for length in (height, width))
    names = name_colours(pictures[:, rows][:, :, columns].reshape(-1, 3))
    cells = names.reshape(len(pictures), side, CELL_PX, side, CELL_PX).transpose(0, 1, 3, 2, 4)
    each = cells.reshape(len(pictures), side * side, CELL_PX * CELL_PX, 1) == np.arange(len(NAMES))
    shares: np.ndarray = each.mean(2, dtype=np.float32).astype(np.float16)
    return shares


def name_colours(pixels: np.ndarray) -> np.ndarray:
    """uint8 [N, 3] sRGB -> index into NAMES, int [N]."""
    srgb = pixels / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    lightness, a, b = (np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T).T
    chroma, hue = np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360
    kinds = np.array([NAMES.index(name) for _, name in _HUES])
    names = kinds[np.searchsorted([end for end, _ in _HUES], hue, side="right").clip(max=len(_HUES) - 1)]

    def turn(where: np.ndarray, name: str) -> None:
        names[where] = NAMES.index(name)

    pink, red, orange, yellow = (names == NAMES.index(name) for name in ("pink", "red", "orange", "yellow"))
    turn(red & (lightness > 0.70) & (chroma < 0.17), "pink")  # salmon, rose
    turn(orange & (lightness < 0.64), "brown")
    turn(red & (lightness < 0.45) & (chroma < 0.13), "brown")
    turn(orange & (lightness < 0.75) & (chroma < 0.09), "brown")  # wood, cardboard
    turn(yellow & (lightness < 0.65), "green")
    turn(pink & (lightness < 0.50), "purple")
    hueless = (chroma < _GREY_CHROMA) | (lightness < _BLACK_LIGHTNESS)
    turn(hueless, "grey")
    turn(hueless & (lightness > _WHITE_LIGHTNESS), "white")
    turn(hueless & (lightness < _BLACK_LIGHTNESS + 0.05), "black")
    return names
