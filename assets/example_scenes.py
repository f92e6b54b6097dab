"""The scenes of the example video: each draws the frame at `t` seconds from the scene's start.

What is drawn here is what can be seen and read; what is only heard stands in make_example.py.
"""

from __future__ import annotations

import math

from example_drawing import Pen, cloud, curve, ease, gradient, gull, steam, turned, waves
from example_palette import BARK, BLUE, CORAL, CREAM, INK, LEAF, PEACH, PINE, SEA, SNOW, SUN, TEAL, WOOD, mix
from PIL import Image


def tower(pen: Pen, x: float, foot: float, height: float, white: str, red: str, lamp: str) -> None:
    """A striped lighthouse that narrows upwards; its lamp is at `foot - 1.07 * height`."""

    def half(y: float) -> float:
        return height * (0.085 + 0.055 * (foot - y) / height * -1 + 0.055)

    for i in range(5):
        low, high = foot - height * i / 5, foot - height * (i + 1) / 5
        pen.polygon(
            [(x - half(low), low), (x + half(low), low), (x + half(high), high), (x - half(high), high)],
            red if i % 2 == 0 else white,
        )
        pen.polygon(
            [(x + half(low) * 0.45, low), (x + half(low), low), (x + half(high), high), (x + half(high) * 0.45, high)],
            "#00000018",
        )
    top, w = foot - height, height * 0.12
    pen.box(x - w, top - height * 0.02, 2 * w, height * 0.03, INK, 2)
    pen.box(x - w * 0.62, top - height * 0.13, w * 1.24, height * 0.12, lamp)
    for dx in (-0.62, -0.03, 0.56):
        pen.box(x + dx * w, top - height * 0.13, w * 0.07, height * 0.12, INK)
    pen.polygon([(x - w * 0.8, top - height * 0.13), (x, top - height * 0.24), (x + w * 0.8, top - height * 0.13)], red)


def beam(pen: Pen, x: float, y: float, angle: float, strength: int) -> None:
    """Light sweeping round: it lengthens and shortens as the lamp turns."""
    for part in (0.25, 0.45, 0.65, 0.85, 1.0):  # the nearer to the lamp, the more layers
        reach = 900 * math.cos(angle) * part
        fade = f"#fff2c0{round(strength / 4 * abs(math.cos(angle))):02x}"
        pen.polygon([(x, y), (x + reach, y - 70 * part), (x + reach, y + 60 * part)], fade)


def dawn(t: float) -> Image.Image:
    pen = Pen(gradient((0, "#33406e"), (0.35, "#a76f8e"), (0.55, "#f2a577"), (0.66, "#fbd79b"), (1, "#fbd79b")))
    sun = 455 - 120 * ease(t, 0, 8)
    pen.glow(760, sun, 330, "#ffe3a3", 0.9)
    pen.oval(760, sun, 58, 58, "#fff0c4")
    for x, y, size, speed, colour in ((110, 215, 40, 5, "#b88493"), (1080, 95, 34, 4, "#7d5f86")):
        cloud(pen, x + speed * t, y, size, colour)
    pen.polygon([(0, 490), (0, 420), (140, 385), (300, 430), (470, 455), (560, 490)], "#7c6088")
    pen.polygon([(930, 490), (1030, 430), (1130, 405), (1280, 385), (1280, 490)], "#54476f")
    tower(pen, 1110, 415, 130, "#8b7090", "#5a4670", SUN)
    waves(pen, t, 470, 3, 90, 0.8, "#8a6d8f")
    waves(pen, t, 540, 5, 120, 1.0, "#5f5a86")
    waves(pen, t, 620, 7, 160, 1.2, "#3f4674")
    for i in range(11):
        width = (90 - 4 * i) * (0.7 + 0.3 * math.sin(t * 2 + i * 1.7))
        pen.box(760 - width, 482 + i * 20, 2 * width, 5, "#ffdf9e" + f"{150 - 10 * i:02x}", 2)
    for i in range(4):
        gull(pen, 130 + 95 * i + 22 * t, 355 - 18 * i + 8 * math.sin(t + i), 22 - 2 * i, t + i * 0.6, "#3a3358")
    pen.text(640, 165, "A Day at Silver Bay", 86, CREAM, 1.2, shown=ease(t, 0.5, 1.2))
    pen.text(640, 245, "a tiny film about a town by the sea", 32, CREAM, shown=ease(t, 1.3, 1.2))
    return pen.finished()


def lighthouse(t: float) -> Image.Image:
    pen = Pen(gradient((0, "#6db3d9"), (0.7, "#d9eef2"), (1, "#d9eef2")))
    for x, y, size, speed in ((260, 130, 62, 9), (1010, 190, 46, 6), (640, 90, 30, 12)):
        cloud(pen, x + speed * t, y, size, "#ffffffd8")
    waves(pen, t, 500, 4, 100, 0.9, "#4f94b8")
    waves(pen, t, 560, 7, 140, 1.1, SEA)
    pen.polygon(
        [
            *curve((430, 640), (560, 420), (760, 440)),
            *curve((760, 440), (1040, 430), (1300, 520)),
            (1300, 720),
            (400, 720),
        ],
        LEAF,
    )
    pen.polygon([*curve((380, 720), (440, 560), (560, 520)), *curve((560, 520), (600, 640), (680, 720))], "#8f8577")
    pen.polygon([*curve((800, 448), (860, 560), (980, 720)), *curve((1060, 720), (900, 560), (826, 446))], PEACH)
    pen.box(930, 392, 170, 82, CREAM)
    pen.polygon([(915, 396), (955, 338), (1075, 338), (1115, 396)], CORAL)
    pen.box(1040, 320, 22, 40, BARK)
    for i, x in enumerate((950, 1050)):
        pen.box(x, 414, 32, 30, "#8fc3dd" if i else SUN, 3)
    pen.box(1000, 416, 30, 58, TEAL, 4)
    beam(pen, 790, 102, t * 1.1, 120)
    tower(pen, 790, 450, 320, SNOW, CORAL, SUN)
    pen.box(776, 402, 28, 48, INK, 12)
    for y in (215, 300):
        pen.box(783, y, 14, 24, INK, 6)
    for i in range(9):
        sway = 4 * math.sin(t * 2 + i)
        x = 690 + 63 * i
        pen.line([(x, 620 + i % 3 * 26), (x + sway, 592 + i % 3 * 26)], 4, PINE)
        pen.oval(x + sway, 588 + i % 3 * 26, 8, 8, (CORAL, SUN, SNOW)[i % 3])
    for i in range(3):
        gull(pen, 150 + 120 * i + 30 * t, 260 + 50 * (i % 2) + 12 * math.sin(t + i), 26, t + i, INK)
    waves(pen, t, 668, 7, 110, 1.4, "#2f6a91")
    return pen.finished()


def boat(t: float) -> Image.Image:
    pen = Pen(gradient((0, "#7cc0e0"), (0.5, "#e6f3ee"), (1, "#e6f3ee")))
    pen.glow(1040, 130, 190, "#fff4c8", 0.9)
    pen.oval(1040, 130, 48, 48, "#ffe9a8")
    for left, top, size in ((180, 140, 54), (760, 90, 36)):
        cloud(pen, left + 8 * t, top, size, "#ffffffe0")
    pen.polygon([(60, 392), *curve((60, 392), (190, 300), (340, 392))], "#8fb39b")
    pen.polygon([(250, 392), *curve((250, 392), (330, 340), (450, 392))], "#7aa48c")
    waves(pen, t, 388, 3, 90, 0.7, "#69b0cb")
    waves(pen, t, 440, 6, 130, 0.9, "#4f9bbd")
    x, tilt = 470 + 34 * t, 4 * math.sin(t * 1.3)
    y = 500 + 9 * math.sin(t * 1.6)
    centre = (x, y)
    main = [(x - 8, y - 30), *curve((x - 8, y - 318), (x - 130, y - 150), (x - 165, y - 52))]
    jib = [(x + 10, y - 40), *curve((x + 10, y - 290), (x + 110, y - 150), (x + 150, y - 52))]
    pen.polygon(turned(main, centre, tilt), CREAM)
    pen.polygon(turned(jib, centre, tilt), CORAL)
    pen.line(turned([(x, y - 20), (x, y - 335)], centre, tilt), 8, BARK)
    flag = [(x, y - 332), (x - 46, y - 322 + 6 * math.sin(t * 6)), (x, y - 308)]
    pen.polygon(turned(flag, centre, tilt), SUN)
    hull = [
        (x - 190, y - 40),
        (x + 205, y - 40),
        *curve((x + 205, y - 40), (x + 160, y + 62), (x + 90, y + 64)),
        (x - 120, y + 64),
        *curve((x - 120, y + 64), (x - 175, y + 40), (x - 190, y - 40)),
    ]
    pen.polygon(turned(hull, centre, tilt), CORAL)
    pen.line(turned([(x - 186, y - 38), (x + 200, y - 38)], centre, tilt), 10, CREAM)
    pen.line(turned([(x - 178, y + 4), (x + 182, y + 4)], centre, tilt), 6, "#b8433b")
    for i in range(3):
        pen.oval(*turned([(x - 60 + 70 * i, y - 14)], centre, tilt)[0], 10, 10, CREAM)
    waves(pen, t, 540, 9, 120, 1.2, SEA)
    for i in range(6):
        pen.box(x - 250 - 44 * i, 562 + 9 * math.sin(t * 2 + i), 34, 5, "#ffffff" + f"{150 - 22 * i:02x}", 2)
    waves(pen, t, 625, 10, 170, 1.4, "#2f6a91")
    for i in range(3):
        gull(pen, 860 + 90 * i - 22 * t, 210 + 44 * i + 10 * math.sin(t + i), 24, t + i)
    return pen.finished()


def bicycle(pen: Pen, x: float, y: float, colour: str) -> None:
    """A bicycle that leans nowhere: the rear wheel's hub is at (x, y)."""
    front, pedal, saddle, head = (x + 190, y), (x + 82, y + 8), (x + 52, y - 92), (x + 156, y - 92)
    for hub in ((x, y), front):
        pen.ring(*hub, 66, 7, INK)
        for spoke in range(0, 180, 30):
            pen.line(turned([(hub[0] - 60, hub[1]), (hub[0] + 60, hub[1])], hub, spoke), 1, "#8d94a3")
        pen.oval(*hub, 7, 7, INK)
    for ends in (((x, y), pedal), ((x, y), saddle), (pedal, saddle), (pedal, head), (saddle, head), (head, front)):
        pen.line(ends, 9, colour)
    pen.line([saddle, (x + 46, y - 112)], 6, INK)
    pen.box(x + 18, y - 122, 62, 14, BARK, 7)
    pen.line([head, (x + 148, y - 128), (x + 176, y - 134)], 7, INK)
    pen.ring(*pedal, 17, 5, INK)
    pen.box(x + 160, y - 118, 62, 44, WOOD, 8)
    for i in range(3):
        pen.oval(x + 176 + 15 * i, y - 122, 10, 12, (CORAL, SUN, SNOW)[i])


def bakery(t: float) -> Image.Image:
    pen = Pen(gradient((0, "#f2dcb8"), (1, "#e9c99c")))
    for row in range(9):
        for column in range(13):
            pen.box(column * 110 - (row % 2) * 55, row * 62, 106, 58, "#ffffff14", 4)
    pen.box(0, 585, 1280, 135, "#a59c94")
    for i in range(22):
        pen.box(i * 62 - 20, 600 + i % 2 * 58, 56, 50, "#b6aea6", 14)
    pen.box(120, 48, 800, 96, TEAL, 14)
    pen.box(130, 58, 780, 76, "#276f70", 10)
    pen.text(520, 97, "HARBOUR BAKERY", 58, CREAM, 1.2)
    pen.box(150, 230, 500, 300, BARK, 8)
    pen.box(164, 244, 472, 272, "#ffe6b0")
    pen.glow(400, 300, 260, "#fff6d8", 0.8)
    for shelf in range(2):
        pen.box(164, 372 + shelf * 134, 472, 12, WOOD)
        for i in range(4):
            x = 225 + i * 116
            pen.oval(x, 350 + shelf * 134, 46, 26, mix(WOOD, SUN, 0.35 + 0.1 * i))
            for cut in (-16, 0, 16):
                pen.line([(x + cut - 6, 360 + shelf * 134), (x + cut + 6, 338 + shelf * 134)], 4, "#8a5a30")
    steam(pen, 400, 330, t)
    pen.box(700, 226, 180, 372, BARK, 8)
    pen.box(714, 240, 152, 358, CORAL)
    pen.box(734, 262, 112, 150, "#bfe0ea", 6)
    pen.oval(848, 450, 8, 8, SUN)
    for i in range(16):
        x = 120 + i * 50
        colour = CORAL if i % 2 == 0 else CREAM
        sway = 3 * math.sin(t * 1.8 + i * 0.5)
        pen.polygon([(x, 148), (x + 50, 148), (x + 50, 214 + sway), (x, 214 + sway)], colour)
        pen.oval(x + 25, 214 + sway, 25, 18, colour)
    pen.box(985, 236, 240, 250, BARK, 10)
    pen.box(997, 248, 216, 226, "#2b3a3a", 6)
    board = (("OPEN", 40), ("7 am - 3 pm", 34), ("closed Monday", 26), ("Tel. 555 0142", 30))
    for line, (words, size) in enumerate(board):
        pen.text(1105, 288 + line * 51, words, size, CREAM, 0.4)
    pen.line([(1010, 486), (990, 600)], 10, BARK)
    pen.line([(1200, 486), (1220, 600)], 10, BARK)
    bicycle(pen, 330, 596, BLUE)
    hop = abs(math.sin(t * 3)) * 16 if t % 4 < 2.1 else 0.0
    bird = 800 + 22 * min(t % 8, 4)
    pen.oval(bird, 660 - hop, 24, 16, "#6f7f93")
    pen.oval(bird + 20, 646 - hop, 10, 10, "#55657a")
    pen.polygon([(bird + 28, 643 - hop), (bird + 40, 648 - hop), (bird + 28, 651 - hop)], SUN)
    pen.polygon([(bird - 18, 658 - hop), (bird - 44, 650 - hop), (bird - 20, 668 - hop)], "#55657a")
    return pen.finished()
