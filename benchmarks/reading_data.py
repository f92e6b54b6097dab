"""Articles and stories with questions, as if each were a video whose transcript has one line a sentence.

XQuAD (Artetxe et al., arXiv:1910.11856) and CMRC 2018 (Cui et al., arXiv:1810.07366) are SQuAD-format files: a
question's line is the one that its answer's span lies in. FairytaleQA (Xu et al., arXiv:2203.13947) names the section
that answers and an answer in free words: its line is that section's which holds most of these words, and questions
without a clear one are left out.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.search.words import content_words
from retrieval.store.fulltext import stem, words

LINE_WIDTH = 120  # what a line of a transcript holds at most, in Latin letters
CJK_WIDTH = 3  # Latin letters that one Chinese character says as much as
LINES = 20  # short articles are put together until a video has so many
CLEAR = 0.6  # share of a free answer's words that a line must hold to be called the one that answers

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
_SENTENCE = re.compile(r".+?(?:[.!?]+[\"'”’)\]]*(?=\s+[^a-z\s])|[。！？；]+[”’」』）]*|$)", re.DOTALL)
_BREAK = re.compile(r"[\s，、,;:：]")


@dataclass(frozen=True)
class Asked:
    question: str
    answering: frozenset[int]  # the lines that hold the answer


@dataclass(frozen=True)
class Transcript:
    name: str
    lines: tuple[str, ...]
    asked: tuple[Asked, ...]

    @property
    def language(self) -> str | None:
        """ISO 639-1, if the file's name ends in one: xquad.de."""
        ending = self.name.split("/")[0].rpartition(".")[2]
        return ending if len(ending) == 2 else None


def read_squad(path: Path) -> list[Transcript]:
    """A SQuAD-format file, an article a transcript; articles of few lines are put together, in the file's order."""
    found: list[Transcript] = []
    lines: list[str] = []
    asked: list[Asked] = []
    for article in json.loads(path.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            spans = list(cut(paragraph["context"]))
            asked += _squad_questions(paragraph, spans, len(lines))
            lines += [paragraph["context"][start:end].strip() for start, end in spans]
        if len(article["paragraphs"]) > 1 or len(lines) >= LINES:
            found.append(Transcript(f"{path.stem}/{len(found)}", tuple(lines), tuple(asked)))
            lines, asked = [], []
    return found


def _squad_questions(paragraph: dict[str, Any], spans: Sequence[tuple[int, int]], before: int) -> Iterator[Asked]:
    for item in paragraph["qas"]:
        first = item["answers"][0]
        start, end = first["answer_start"], first["answer_start"] + len(first["text"])
        answering = frozenset(before + i for i, (a, b) in enumerate(spans) if a < end and start < b)
        if answering:
            yield Asked(item["question"], answering)


def read_fairytales(folder: Path, split: str) -> list[Transcript]:
    """FairytaleQA's `data-by-train-split` folder: runs of sections of at least `LINES` lines."""
    found = []
    for path in sorted((folder / "questions" / split).glob("*-questions.csv")):
        name = path.name.removesuffix("-questions.csv")
        with (folder / "section-stories" / split / f"{name}-story.csv").open(encoding="utf-8") as file:
            sections = {row["section"].strip(): row["text"] for row in csv.DictReader(file)}
        with path.open(encoding="utf-8") as file:
            questions = [row for row in csv.DictReader(file) if row["ex-or-im1"].strip() == "explicit"]
        lines: list[str] = []
        asked: list[Asked] = []
        for number, text in sections.items():
            own = [text[start:end].strip() for start, end in cut(text)]
            for row in questions:
                if row["cor_section"].strip() == number:
                    best = _clear_line(row["question"], row["answer1"], own)
                    if best is not None:
                        asked.append(Asked(row["question"].strip(), frozenset({len(lines) + best})))
            lines += own
            if len(lines) >= LINES:
                found.append(Transcript(f"{name}/{number}", tuple(lines), tuple(asked)))
                lines, asked = [], []
    return found


def _clear_line(question: str, answer: str, lines: Sequence[str]) -> int | None:
    wanted = {stem(word) for word in content_words(answer)}
    asked = {stem(word) for word in content_words(question)}
    scores = []
    for line in lines:
        held = {stem(word) for word in words(line)}
        scores.append((len(wanted & held) / max(len(wanted), 1), len(asked & held)))
    best = max(range(len(lines)), key=scores.__getitem__, default=None)
    return best if best is not None and scores[best][0] >= CLEAR and scores.count(scores[best]) == 1 else None


def cut(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each line: sentences, long ones cut at a gap near `LINE_WIDTH`."""
    for sentence in _SENTENCE.finditer(text):
        start, end = sentence.span()
        while _width(text[start:end]) > LINE_WIDTH * 1.2:
            middle = start
            width = 0
            while middle < end and width < LINE_WIDTH:
                width += CJK_WIDTH if _CJK.match(text[middle]) else 1
                middle += 1
            gaps = [gap.end() for gap in _BREAK.finditer(text, start + (middle - start) // 2, middle)]
            middle = gaps[-1] if gaps else middle
            yield start, middle
            start = middle
        if text[start:end].strip():
            yield start, end


def _width(text: str) -> int:
    return len(text) + (CJK_WIDTH - 1) * len(_CJK.findall(text))
