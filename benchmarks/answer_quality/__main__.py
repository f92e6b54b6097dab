"""How good search and answers are: `python -m benchmarks.answer_quality [--videos N] [--ablations] [--json]`.

Makes films whose content is known, indexes them with the chosen profile, and asks what somebody might type. Prints each
rate with its 95 % interval (films drawn anew) and a TOTAL line; with --ablations also a table of what is left when a
part of the program is left out. Speech needs flite or espeak-ng; without them nothing spoken is made or asked.

With --split: films of the split that thresholds may be fitted on (`fitted`), of the one that nobody may fit on
(`unseen`: other layouts, typefaces, voices, vocabularies, phrasings and seeds), or `both`, side by side with the gap.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from app.engine import Engine
from app.settings import Settings
from benchmarks.answer_quality import table
from benchmarks.answer_quality.ablations import ablate
from benchmarks.answer_quality.judging import counts, figures
from benchmarks.answer_quality.running import ask_everything, index_films, say
from benchmarks.answer_quality.script import SHORT, Size, write_script
from benchmarks.answer_quality.speech import find_synthesiser
from benchmarks.answer_quality.splits import SPLITS, Split, material_of
from benchmarks.answer_quality.styled import write_split

VIDEOS = 16
VIDEOS_A_SPLIT = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--videos", type=int, metavar="N", help=f"films (default: {VIDEOS}; with --split {VIDEOS_A_SPLIT} each)"
    )
    parser.add_argument("--split", choices=(*SPLITS, "both"), help="films to fit on, films never to fit on, or both")
    parser.add_argument("--photos", metavar="tsv:DIR", help="with --split: captioned photos to show in between")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the rendered films there")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="draws films and questions (default: 0)")
    parser.add_argument("--short", action="store_true", help="films of half a minute, as the tests have them")
    parser.add_argument("--ablations", action="store_true", help="leave out one part of the program after the other")
    parser.add_argument("--profile", help="profile to measure (default: the one that would be chosen)")
    parser.add_argument("--json", action="store_true", help="figures and every answer as JSON on stdout")
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="keep films and index there (default: a temporary one)"
    )
    arguments = parser.parse_args()
    arguments.videos = arguments.videos or (VIDEOS_A_SPLIT if arguments.split else VIDEOS)
    if arguments.videos < 1:
        parser.error("--videos must be at least 1")
    if arguments.photos and not arguments.photos.startswith("tsv:"):
        parser.error("--photos must begin with tsv:")
    if arguments.split and (arguments.ablations or arguments.short):
        parser.error("--ablations and --short go without --split")
    with tempfile.TemporaryDirectory() as scratch:
        measure = run_splits if arguments.split else run
        measure(arguments, arguments.data_dir or Path(scratch))


def run_splits(arguments: argparse.Namespace, data_dir: Path) -> None:
    engine = Engine(Settings(data_dir, arguments.profile))
    names: list[Split] = list(SPLITS) if arguments.split == "both" else [arguments.split]
    measured, items = {}, []
    for name in names:
        scripts = write_split(material_of(name, arguments.photos), arguments.seed, arguments.videos)
        films = index_films(engine, scripts, arguments.keep or data_dir / "films")
        engine.answerer.warm_up()
        verdicts, records = ask_everything(engine.answerer, films)
        measured[name] = figures(verdicts), counts(verdicts)
        items += [{"split": name} | asdict(record) for record in records]
        minutes = sum(script.seconds for script in scripts) / 60
        if not arguments.json:
            print(
                f"{name}: {len(films)} films of {minutes:.1f} minutes, seed {arguments.seed}, {engine.profile.name}\n"
            )
            print(*table.by_kind(*measured[name]), f"\n{table.total(measured[name][0])}\n", sep="\n", flush=True)
    if arguments.json:
        rates = {
            name: {rate: asdict(figure) | {"questions": numbers[rate]} for rate, figure in found.items()}
            for name, (found, numbers) in measured.items()
        }
        json.dump({"splits": rates, "items": items}, sys.stdout, indent=1)
        print()
    elif len(measured) > 1:
        print(*table.side_by_side(measured), sep="\n")


def run(arguments: argparse.Namespace, data_dir: Path) -> None:
    synthesiser = find_synthesiser()
    if synthesiser is None:
        say("There is no flite and no espeak-ng: nothing is spoken in these films, and nothing spoken is measured.")
    scripts = [
        write_script(arguments.seed, number, synthesiser, SHORT if arguments.short else Size())
        for number in range(arguments.videos)
    ]
    engine = Engine(Settings(data_dir, arguments.profile))
    films = index_films(engine, scripts, arguments.keep or data_dir / "films")
    engine.answerer.warm_up()
    verdicts, records = ask_everything(engine.answerer, films)
    found, numbers = figures(verdicts), counts(verdicts)
    minutes = sum(script.seconds for script in scripts) / 60
    seconds = [verdict.value for verdict in verdicts if verdict.metric == "seconds"]
    voice = f"spoken by {synthesiser.program}" if synthesiser else "nothing spoken"
    title = (
        f"{len(films)} films of {minutes:.1f} minutes in all, {voice}, seed {arguments.seed}, profile"
        f" {engine.profile.name}; an answer takes {statistics.median(seconds):.1f} s (median)"
    )
    ablations = {}
    if not arguments.json:
        print(f"{title}\n", *table.by_kind(found, numbers), f"\n{table.total(found)}", sep="\n", flush=True)
    if arguments.ablations:
        rows = ((name, figures(judged)) for name, judged in ablate(engine, films, data_dir / "without"))
        if arguments.json:
            ablations = {name: {rate: asdict(figure) for rate, figure in row.items()} for name, row in rows}
        else:
            print()
            for line in table.ablated([("everything", found)]):
                print(line)
            for name, row in rows:
                print(list(table.ablated([(name, row)]))[-1], flush=True)
    if arguments.json:
        rates = {name: asdict(figure) | {"questions": numbers[name]} for name, figure in found.items()}
        items = [asdict(record) for record in records]
        json.dump({"title": title, "rates": rates, "ablations": ablations, "items": items}, sys.stdout, indent=1)
        print()


if __name__ == "__main__":
    main()
