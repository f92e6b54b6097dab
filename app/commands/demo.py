"""`cuepoint demo`: the main job without a browser. Indexes the example video and asks its suggested questions."""

from __future__ import annotations

import argparse
import json

from app.commands import engine_of, say
from app.commands.find import print_stream
from app.commands.index import index_file
from app.example import EXAMPLE_QUESTIONS, EXAMPLE_VIDEO

_QUESTIONS = 3


def run(arguments: argparse.Namespace) -> None:
    engine = engine_of(arguments)
    say(f"Profile {engine.profile.name}: {engine.profile_reason}. Loading models ...")
    result = index_file(engine, EXAMPLE_VIDEO)
    say(
        f"Indexed {EXAMPLE_VIDEO.name}: {result['duration']:.0f} s and {result['clips']} clips"
        f" in {result['seconds']:.1f} s."
    )
    for question in json.loads(EXAMPLE_QUESTIONS.read_text(encoding="utf-8"))["questions"][:_QUESTIONS]:
        print(f"\n> {question['text']}\n")
        print_stream(engine, question["text"], [result["video_id"]])
