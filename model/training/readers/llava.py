"""Instruction data: conversations about a picture or a video.

LLaVA: a JSON array of {id, image or video, conversations: [{from: "human" | "gpt", value}, ...]}, where <image> or
<video> in a human turn marks where it is shown (https://github.com/haotian-liu/LLaVA, docs/Finetune_Custom_Data.md).
VideoChat and VideoChat2-IT: {image or video, QA: [{i: instruction, q: question, a: answer}, ...]}, with start and end
(seconds) where only a stretch is meant (https://huggingface.co/datasets/OpenGVLab/VideoChat2-IT). JSON lines are read
too. Names are relative to PATH, its images/ or videos/, or any folder below.

A file whose name tells no split is train. Each turn becomes a question of its own: what was said before is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from model.training.readers.annotations import files_like, root_of
from model.training.readers.gathering import Gathering
from model.training.readers.media_files import MediaFiles
from model.training.readers.records import clean_text, json_records, seconds, split_of_name
from model.training.readers.tally import Tally
from model.training.samples import Answered, Sample

EXPECTS = (
    "a JSON file, or a folder of them, with a list of {image or video, conversations} (LLaVA) or {image or video, QA} "
    "(VideoChat2), and the pictures or videos beside it"
)
_MARK = re.compile(r"<(image|video)>\n?", re.IGNORECASE)


def read(path: Path, split: str, tally: Tally) -> Iterator[Sample]:
    files = MediaFiles(root_of(path), tally)
    gathered = Gathering(split)
    for table in files_like(path, ["*.json*"]):
        said = split_of_name(table) or "train"
        if said != split:
            tally.other_splits.add(said)
            continue
        for key, record in json_records(table, tally):
            where = f"{table.name} {record.get('id', key)}"
            name = _media(record, where, tally)
            file = files.find(name) if name else None
            start, end = seconds(record.get("start")), seconds(record.get("end"))
            if start is None or end is None or end <= start:
                start, end = 0.0, None
            for question in _questions(record, where, tally) if file is not None else ():
                gathered.add(file, name, question=question, start=start, end=end)  # type: ignore[arg-type]
    yield from gathered.samples()


def _media(record: dict[str, Any], where: str, tally: Tally) -> str:
    given = record.get("video") or record.get("image")
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    if isinstance(given, str) and given.strip():
        return given.strip()
    tally.skip("several pictures in one record" if isinstance(given, list) else "no picture or video named", where)
    return ""


def _questions(record: dict[str, Any], where: str, tally: Tally) -> Iterator[Answered]:
    for asked, answered in _turns(record, where, tally):
        question = clean_text(_MARK.sub("", asked), "question", where, tally) if isinstance(asked, str) else ""
        answer = clean_text(answered, "answer", where, tally) if question else ""
        if answer:
            yield Answered(question, (answer,))


def _turns(record: dict[str, Any], where: str, tally: Tally) -> Iterator[tuple[Any, Any]]:
    """(what was asked, what was answered)"""
    said, pairs = record.get("conversations"), record.get("QA")
    if isinstance(said, list) and all(isinstance(turn, dict) for turn in said):
        for asked, answered in pairwise(said):
            if asked.get("from") in ("human", "user") and answered.get("from") in ("gpt", "assistant"):
                yield asked.get("value"), answered.get("value")
    elif isinstance(pairs, list) and all(isinstance(pair, dict) for pair in pairs):
        for pair in pairs:
            parts = [str(pair.get(name) or "").strip() for name in ("i", "q")]
            yield "\n".join(filter(None, parts)), pair.get("a")
    else:
        tally.skip("bad JSON record", where)
