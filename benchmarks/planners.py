"""How often each planner names the operation that a question means: `python -m benchmarks.planners [--profile NAME]`.

Forty questions of our own (planners.json), half of them in words that no phrase of the rules has.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

from model.loading import Models
from model.profile import choose_profile
from retrieval.ask.model_planner import ModelPlanner
from retrieval.ask.planner import Planner
from retrieval.ask.rules import RulesPlanner

FILE = Path(__file__).with_suffix(".json")
LIMIT_S = 60.0  # so that every plan counts, however slow the machine is


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", help="whose language model plans (default: the one that would be chosen)")
    parser.add_argument("--wrong", action="store_true", help="show the questions that are planned wrongly")
    arguments = parser.parse_args()
    models = Models(choose_profile(arguments.profile)[0])
    planner = ModelPlanner(models, LIMIT_S)
    planner.plan("When does it rain?")  # loads the model, and reads the prompt
    print("| planner | questions | right operation | nothing restricted wrongly | median s | longest s |")
    print("|---|---|---|---|---|---|")
    measure("rules", RulesPlanner(), arguments.wrong)
    measure("model over rules", planner, arguments.wrong)


def measure(name: str, planner: Planner, show: bool) -> None:
    cases = json.loads(FILE.read_text("utf-8"))
    right, harmless, seconds = 0, 0, []
    for case in cases:
        began = time.monotonic()
        plan = planner.plan(case["question"])
        seconds.append(time.monotonic() - began)
        right += plan.operation == case["operation"]
        harmless += plan.window is None and not plan.exclude
        if show and plan.operation != case["operation"]:
            print(f"{name}: {case['question']} -> {plan.operation}")
    figures = f"{right / len(cases):.2f} | {harmless / len(cases):.2f}"
    print(f"| {name} | {len(cases)} | {figures} | {statistics.median(seconds):.2f} | {max(seconds):.2f} |")


if __name__ == "__main__":
    main()
