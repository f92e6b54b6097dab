"""The later scenes of the example video, from the recipe card to the closing titles; see example_scenes.py."""

from __future__ import annotations

import math
import random

from example_drawing import Pen, Point, cloud, curve, ease, gradient, steam, turned, waves
from example_palette import BARK, CORAL, CREAM, INK, LEAF, NIGHT, PEACH, PINE, STONE, SUN, TEAL, WOOD, mix
from example_scenes import beam, tower
from PIL import Image

CARD = ("500 g flour", "320 ml warm water", "3 spoons of honey", "7 g yeast", "1 pinch of salt",
        "Bake 35 minutes at 220 °C")  # fmt: skip


def recipe(t: float) -> Image.Image:
    pen = Pen(gradient((0, "#a8754a"), (1, "#8f5f39")))
    for i in range(6):
        pen.box(0, i * 120, 1280, 3, "#6d4526")
        for k in range(5):
            pen.line(
                curve(
                    (k * 300 - 90 + i * 40, i * 120 + 55),
                    (k * 300 + 40 + i * 40, i * 120 + 75),
                    (k * 300 + 150 + i * 40, i * 120 + 52),
                ),
                2,
                "#7d5231",
            )
    pen.box(98, 72, 600, 590, "#00000030", 14)
    pen.box(88, 60, 600, 590, CREAM, 14)
    pen.box(88, 60, 600, 110, CORAL, 14)
    pen.box(88, 150, 600, 26, CREAM)
    pen.text(388, 104, "Honey Bread", 56, CREAM, 1.0)
    for i, words in enumerate(CARD):
        shown = ease(t, 0.4 + 0.55 * i, 0.5)
        pen.box(128, 236 + i * 74, 520, 2, "#e6d3b3")
        pen.oval(146, 208 + i * 74, 7, 7, SUN)
        pen.text(172, 208 + i * 74, words, 38, INK, 0.4 if i < 5 else 0.9, anchor="lm", shown=shown)
    pen.oval(985, 268, 232, 172, "#00000028")
    pen.oval(975, 255, 230, 170, STONE)
    pen.oval(975, 248, 212, 152, "#d8d2c8")
    pen.oval(975, 236, 176, 116, "#c07f3f")
    pen.oval(970, 222, 160, 98, "#d99a52")
    for i in range(4):
        x = 880 + i * 58
        pen.line(curve((x, 278), (x + 6, 220), (x + 34, 168)), 11, "#f3cf94")
    steam(pen, 975, 170, t)
    pen.box(1020, 470, 170, 190, "#00000028", 26)
    pen.box(1010, 460, 170, 190, "#f3b33d", 26)
    pen.box(1010, 460, 170, 54, "#ffe9bd", 26)
    pen.box(1004, 446, 182, 28, BARK, 10)
    pen.box(1036, 540, 118, 62, CREAM, 8)
    pen.text(1095, 571, "HONEY", 28, BARK, 0.6)
    pen.line([(800, 480), (880, 560)], 12, WOOD)
    for i in range(4):
        pen.line([(878 + i * 13, 532 + i * 13), (852 + i * 13, 558 + i * 13)], 9, BARK)
    drip = (t * 0.4) % 1
    pen.line([(908, 592), (908, 596 + 34 * drip)], 8, SUN)
    pen.oval(908, 640, 34 + 8 * drip, 12, SUN)
    return pen.finished()


def cat(t: float) -> Image.Image:
    pen = Pen(gradient((0, "#5c7590"), (0.8, "#a9b9c4"), (1, "#a9b9c4")))
    pen.polygon([*curve((200, 470), (420, 330), (640, 440)), *curve((640, 440), (860, 350), (1090, 470))], "#6d8a86")
    drops = random.Random(5)
    for _ in range(90):
        x, y, speed = drops.uniform(200, 1090), drops.uniform(0, 520), drops.uniform(380, 560)
        fall = (y + speed * t) % 520
        pen.line([(x, fall), (x - 4, fall + 24)], 2, "#e3eef588")
    wall = "#3b4a6b"
    for x, y, w, h in ((0, 0, 200, 720), (1080, 0, 200, 720), (200, 0, 880, 40), (200, 520, 880, 200)):
        pen.box(x, y, w, h, wall)
    for y, h in ((32, 18), (250, 12)):
        pen.box(190, y, 900, h, CREAM)
    for x, w in ((190, 18), (1072, 18), (632, 14)):
        pen.box(x, 32, w, 500, CREAM)
    pen.box(140, 515, 1000, 44, WOOD, 8)
    pen.box(140, 551, 1000, 12, BARK, 6)
    for side in (-1, 1):
        for fold in range(4):
            x = 640 + side * (410 + fold * 46)
            edge = 8 * math.sin(t * 0.8 + fold)
            cloth = CORAL if fold % 2 else "#c94c43"
            pen.polygon([(x - 26, 20), (x + 26, 20), (x + 30 + edge, 640), (x - 30 + edge, 640)], cloth)
    pen.box(180, 10, 920, 16, BARK, 8)
    pen.polygon([(318, 440), (402, 440), (388, 516), (332, 516)], "#c96f4a")
    for i in range(7):
        lean = (i - 3) * 24 + 5 * math.sin(t + i)
        leaf = curve((360, 440), (360 + lean * 0.3, 390), (360 + lean * 1.4, 350 + abs(i - 3) * 16))
        pen.line(leaf, 9, PINE if i % 2 else LEAF)
    fur, stripe, light = "#e8924a", "#c26f2d", "#fbe3c4"
    x, breath = 760, 3 * math.sin(t * 1.8)
    tail = 34 * math.sin(t * 1.4)
    pen.line(curve((x + 118, 498), (x + 240, 520), (x + 200 + tail, 640), 24), 30, fur)
    pen.line(curve((x + 192 + tail * 0.7, 606), (x + 200 + tail, 622), (x + 200 + tail, 640)), 30, light)
    pen.oval(x + 10, 440 - breath, 128, 92 + breath, fur)
    pen.oval(x - 30, 430, 84, 96, fur)
    for i in range(3):
        side = x + 58 + i * 28
        pen.line(curve((side, 362 + i * 14 - breath), (side + 14, 400), (side + 4, 430)), 11, stripe)
    pen.oval(x - 40, 456, 48, 60, light)
    for dx in (-76, -14):
        pen.oval(x + dx, 506, 32, 18, light)
    cat_face(pen, (x - 52, 322), t, fur, stripe, light)
    return pen.finished()


def cat_face(pen: Pen, head: Point, t: float, fur: str, stripe: str, light: str) -> None:
    """The head around its centre: ears that twitch, eyes that blink every three seconds, whiskers."""
    hx, hy = head
    for side in (-1, 1):
        ear = [(hx + side * 78, hy - 20), (hx + side * 72, hy - 108), (hx + side * 14, hy - 66)]
        inner = [(hx + side * 66, hy - 36), (hx + side * 64, hy - 86), (hx + side * 28, hy - 62)]
        pen.polygon(turned(ear, head, 2.5 * math.sin(t * 0.9)), fur)
        pen.polygon(turned(inner, head, 2.5 * math.sin(t * 0.9)), "#f2b5a0")
    pen.oval(*head, 92, 80, fur)
    for dx in (-22, 0, 22):
        pen.line([(hx + dx, hy - 76), (hx + dx * 0.8, hy - 46)], 8, stripe)
    pen.oval(hx, hy + 34, 46, 34, light)
    since = (t + 0.4) % 3.2
    closed = 1.0 - abs(since - 0.15) / 0.15 if since < 0.3 else 0.0
    for side in (-1, 1):
        pen.oval(hx + side * 38, hy - 8, 17, max(2.0, 18 * (1 - closed)), "#9bc26b")
        pen.oval(hx + side * 38, hy - 8, 6, max(1.5, 15 * (1 - closed)), INK)
        for k in (-1, 0, 1):
            pen.line([(hx + side * 34, hy + 30 + k * 6), (hx + side * 112, hy + 26 + k * 15)], 2, CREAM)
        pen.line(curve((hx, hy + 30), (hx + side * 6, hy + 48), (hx + side * 18, hy + 40)), 3, BARK)
    pen.polygon([(hx - 10, hy + 16), (hx + 10, hy + 16), (hx, hy + 28)], "#d9705f")


def train(t: float) -> Image.Image:
    pen = Pen(gradient((0, "#5b4a7d"), (0.3, "#b9657f"), (0.55, "#f2936b"), (0.72, "#fbcf8b"), (1, "#fbcf8b")))
    pen.glow(300, 400, 300, "#ffe0a0", 0.9)
    pen.oval(300, 400, 62, 62, "#ffe9b8")
    for x, y, size in ((820, 120, 56), (240, 170, 40), (1130, 220, 44)):
        cloud(pen, x - 7 * t, y, size, mix("#b9657f", "#f7b9a0", 0.3))
    peaks = ((0, 440), (170, 350), (330, 450), (470, 380), (640, 470), (820, 330), (1010, 440), (1280, 360))
    pen.polygon([*peaks, (1280, 720), (0, 720)], "#8d5a7d")
    hills = [*curve((0, 500), (300, 420), (640, 510)), *curve((640, 510), (960, 420), (1280, 480))]
    pen.polygon([*hills, (1280, 720), (0, 720)], "#67476f")
    engine = -90 + 185 * t  # the engine's rear end
    for i in range(9):
        age = (t * 0.8 + i / 9) % 1
        smoke = CREAM + f"{round(150 * (1 - age)):02x}"
        pen.oval(engine + 150 - age * 330, 300 - age * 120, 16 + 34 * age, 14 + 28 * age, smoke)
    for i in range(3):
        left = engine - 232 * (i + 1)
        pen.box(left, 352, 218, 84, TEAL, 12)
        pen.box(left, 352, 218, 16, "#256f6d", 8)
        pen.box(left, 414, 218, 8, CREAM)
        for w in range(4):
            pen.box(left + 18 + w * 48, 376, 36, 30, "#ffe6a6", 5)
        for wheel in (40, 178):
            pen.oval(left + wheel, 440, 17, 17, INK)
        pen.box(left + 216, 422, 20, 7, INK)
    pen.box(engine, 330, 92, 106, PINE, 8)
    pen.box(engine - 8, 320, 108, 16, INK, 6)
    pen.box(engine + 18, 350, 54, 36, "#ffe6a6", 6)
    pen.box(engine + 80, 366, 130, 70, "#2f5645", 30)
    pen.box(engine + 134, 312, 30, 60, INK, 4)
    pen.box(engine + 128, 304, 42, 14, CORAL, 4)
    pen.polygon([(engine + 196, 436), (engine + 236, 446), (engine + 196, 420)], CORAL)
    for wheel in (34, 100, 166):
        pen.oval(engine + wheel, 438, 22, 22, INK)
        hub = (engine + wheel, 438)
        pen.line(turned([(hub[0] - 18, 438), (hub[0] + 18, 438)], hub, 260 * t), 3, STONE)
    pen.line(
        [
            (engine + 34 + 9 * math.cos(4.5 * t), 438 + 9 * math.sin(4.5 * t)),
            (engine + 166 + 9 * math.cos(4.5 * t), 438 + 9 * math.sin(4.5 * t)),
        ],
        6,
        CORAL,
    )
    pen.box(0, 460, 1280, 30, "#4b3553")
    for i in range(8):
        left = i * 170 - 40
        pen.box(left, 488, 44, 240, "#4b3553")
        arch = curve((left + 43, 560), (left + 107, 470), (left + 171, 560))
        pen.polygon([(left + 43, 488), *arch, (left + 171, 488)], "#4b3553")
    meadow = [*curve((0, 610), (420, 560), (760, 650)), *curve((760, 650), (1020, 590), (1280, 620))]
    pen.polygon([*meadow, (1280, 720), (0, 720)], "#38304f")
    for i, (sx, sy) in enumerate(((150, 622), (290, 604), (470, 626), (1050, 630), (1180, 622))):
        graze = 5 * max(0.0, math.sin(t * 1.5 + 2 * i))
        for leg in (-14, 14):
            pen.line([(sx + leg, sy), (sx + leg, sy + 26)], 5, STONE)
        for dx, dy, r in ((-20, 0, 18), (0, -8, 22), (20, 0, 18), (0, 6, 20)):
            pen.oval(sx + dx, sy + dy, r, r * 0.85, CREAM)
        pen.oval(sx + 38, sy - 4 + graze, 13, 11, "#75607c")
    return pen.finished()


CHANCE = random.Random(3)
STARS = [(CHANCE.uniform(10, 1270), CHANCE.uniform(10, 430), 0.8 + i % 4 * 0.5) for i in range(120)]


def night_sky(t: float) -> Pen:
    pen = Pen(gradient((0, NIGHT), (0.5, "#233463"), (0.72, "#52548b"), (1, "#52548b")))
    for i, (x, y, size) in enumerate(STARS):
        twinkle = round(150 + 100 * math.sin(t * 1.6 + i))
        pen.oval(x, y, size, size, "#fff6d8" + f"{twinkle:02x}")
    return pen


def night(t: float) -> Image.Image:
    pen = night_sky(t)
    pen.glow(250, 150, 190, "#c9d3f2", 0.6)
    pen.oval(250, 150, 66, 66, "#fdf3d6")
    for x, y, r in ((230, 135, 13), (268, 170, 17), (272, 128, 8)):
        pen.oval(x, y, r, r, "#ecdcb4")
    for i, start in enumerate((0.8, 2.2, 3.4, 5.0, 6.3, 7.6)):
        flight = (t - start) / 0.8
        if 0 <= flight <= 1:
            hx, hy = 520 + 130 * (i * 2 % 5) + 210 * flight, 60 + 50 * (i % 3) + 120 * flight
            for k in range(12):
                pen.oval(hx - k * 10, hy - k * 5.7, 3.4 - k * 0.25, 3.4 - k * 0.25, "#fff6d8" + f"{230 - 18 * k:02x}")
    beam(pen, 1076, 318, t * 0.9, 110)
    hills = [*curve((0, 500), (260, 440), (520, 540)), *curve((520, 540), (900, 470), (1280, 470))]
    pen.polygon([*hills, (1280, 620), (0, 620)], "#1c2749")
    pen.glow(1076, 318, 90, "#ffe9a8", 0.8)
    tower(pen, 1076, 500, 170, "#7a7fa6", "#6b3f5f", "#ffe9a8")
    homes = random.Random(11)
    for i in range(9):
        x, w, h = 60 + i * 92, homes.randint(62, 84), homes.randint(60, 104)
        pen.box(x, 590 - h, w, h, mix("#2a3358", "#3c3560", i % 3 / 2))
        pen.polygon([(x - 8, 592 - h), (x + w / 2, 546 - h), (x + w + 8, 592 - h)], "#161e3b")
        for k in range(2):
            if (i + k) % 3:
                pen.box(x + 12 + k * 30, 604 - h, 18, 22, SUN, 2)
    waves(pen, t, 588, 4, 110, 0.8, "#27366a")
    waves(pen, t, 640, 6, 150, 1.0, "#1b2750")
    for i in range(7):
        width = (60 - 5 * i) * (0.7 + 0.3 * math.sin(t * 2 + i))
        pen.box(250 - width, 606 + i * 15, 2 * width, 4, "#fdf3d6" + f"{110 - 10 * i:02x}", 2)
    return pen.finished()


def credits(t: float) -> Image.Image:
    pen = night_sky(t)
    pen.text(640, 240, "The End", 96, CREAM, 1.2, shown=ease(t, 0.2, 1))
    pen.text(640, 370, "Drawn and spoken by a computer program", 34, PEACH, 0.3, shown=ease(t, 1.0, 1))
    pen.text(640, 425, "Free for everyone: CC0 1.0, public domain", 34, PEACH, 0.3, shown=ease(t, 1.4, 1))
    waves(pen, t, 600, 5, 120, 0.8, "#27366a")
    waves(pen, t, 650, 6, 160, 1.0, "#1b2750")
    return pen.finished()
