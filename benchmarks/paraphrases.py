"""How well the strong check tells a faithful paraphrase from an unfaithful one: `python -m benchmarks.paraphrases`.

The sentences are our own (paraphrases.json). Rules and word lists were made with the "fit" half; "test" is what counts.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

from retrieval.ask.check import agrees

FILE = Path(__file__).with_suffix(".json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=("fit", "test"), action="append", help="default: both")
    parser.add_argument("--wrong", action="store_true", help="show the sentences that are judged wrongly")
    arguments = parser.parse_args()
    print("| split | kind | language | sentences | judged rightly |\n|---|---|---|---|---|")
    for split in arguments.split or ("fit", "test"):
        counts: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
        wrong = []
        for case in json.loads(FILE.read_text("utf-8")):
            if case["split"] != split:
                continue
            right = agrees(case["sentence"], case["quotes"], case["question"]) == case["faithful"]
            kind = "faithful, kept" if case["faithful"] else "unfaithful, dropped"
            for row in ((kind, "all"), (kind, case["language"]), (f"- {case['kind']}", case["language"])):
                counts[row].append(right)
            if not right:
                wrong.append(f"{case['kind']}: {case['sentence']}  <- {' / '.join(case['quotes'])}")
        for (kind, language), rights in sorted(counts.items()):
            print(f"| {split} | {kind} | {language} | {len(rights)} | {sum(rights) / len(rights):.2f} |")
        if arguments.wrong:
            print("\n".join(wrong))


if __name__ == "__main__":
    main()
