"""The bundled example video (made by assets/make_example.py, CC0) and questions to ask about it."""

from __future__ import annotations

from pathlib import Path

_ASSETS = Path(__file__).resolve().parent.parent / "assets"
EXAMPLE_VIDEO = _ASSETS / "example.mp4"
EXAMPLE_QUESTIONS = _ASSETS / "example.json"
