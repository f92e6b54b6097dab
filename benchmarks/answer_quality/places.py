"""Where the things of the films stand: skies, seas, roads and tables, drawn by code."""

from __future__ import annotations

from benchmarks.answer_quality.pen import HEIGHT_PX, WIDTH_PX, Pen


def sea() -> Pen:
    pen = Pen("#9ccbe8", "#dcecf2")
    pen.box(0, 210, WIDTH_PX, 150, "#2f7fa8")
    for i in range(40):
        x, y = (i * 97) % WIDTH_PX, 222 + (i * 53) % 130
        pen.line([(x, y), (x + 16, y - 4), (x + 32, y)], 2, "#5aa3c6")
    return pen


def road() -> Pen:
    pen = Pen("#a8d4ee", "#e3f0f4")
    pen.box(0, 200, WIDTH_PX, 60, "#6aa84f")
    pen.box(0, 250, WIDTH_PX, 110, "#5b5d63")
    for x in range(10, WIDTH_PX, 90):
        pen.box(x, 318, 48, 7, "#e8e4d0")
    return pen


def meadow() -> Pen:
    pen = Pen("#86c1ea", "#d9eef7")
    pen.oval(150, 330, 330, 110, "#6fb255")
    pen.oval(500, 350, 360, 130, "#5da045")
    for i in range(60):
        x, y = (i * 71) % WIDTH_PX, 275 + (i * 37) % 80
        pen.line([(x, y), (x + 2, y - 9)], 2, "#4a8a38")
    return pen


def sky() -> Pen:
    pen = Pen("#4f9be0", "#cfe6f7")
    for x, y, size in ((110, 80, 34), (520, 130, 42), (330, 300, 30)):
        for dx, dy, r in ((-1.1, 0.15, 0.55), (-0.4, -0.2, 0.75), (0.45, 0, 0.65), (1.1, 0.2, 0.45)):
            pen.oval(x + dx * size, y + dy * size, r * size, r * size * 0.8, "#f4f8fb")
    return pen


def snow() -> Pen:
    pen = Pen("#9fb8cf", "#dfe8ef")
    pen.oval(200, 350, 420, 110, "#f4f7fa")
    pen.oval(560, 360, 300, 100, "#eef3f7")
    for i in range(70):
        pen.oval((i * 83) % WIDTH_PX, (i * 59) % 250, 2.5, 2.5, "#ffffff")
    return pen


def desert() -> Pen:
    pen = Pen("#8cc4ea", "#f6e2b8")
    pen.oval(560, 70, 36, 36, "#fff1b0")
    pen.oval(130, 360, 330, 120, "#e2b469")
    pen.oval(520, 370, 360, 130, "#d6a458")
    return pen


def beach() -> Pen:
    pen = Pen("#8fd0ee", "#d4eef4")
    pen.box(0, 170, WIDTH_PX, 60, "#3b9cc0")
    pen.box(0, 225, WIDTH_PX, 140, "#ecd9a4")
    return pen


def table() -> Pen:
    pen = Pen("#e9ddc8", "#d9c8aa")
    pen.box(0, 255, WIDTH_PX, 105, "#8a5a33")
    for y in (280, 305, 332):
        pen.line([(0, y), (WIDTH_PX, y + 3)], 2, "#774a28")
    return pen


def wall() -> Pen:
    pen = Pen("#b9c6b4", "#a5b5a0")
    for x in range(0, WIDTH_PX, 64):
        pen.line([(x, 0), (x, HEIGHT_PX)], 3, "#9fb09b")
    return pen


def water() -> Pen:
    pen = Pen("#2f8fc4", "#0d3f6e")
    for i in range(14):
        pen.ring((i * 131) % WIDTH_PX, (i * 67) % 330, 5 + i % 4, 2, "#8fd0ee")
    for x in range(20, WIDTH_PX, 80):
        pen.line([(x, 360), (x - 8, 325), (x + 8, 295), (x - 4, 265)], 6, "#2f7a4a")
    return pen
