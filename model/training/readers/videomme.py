"""Video-MME: multiple choice about videos of eleven seconds to one hour. All of it is test.

Parquet (`videomme/test-00000-of-00001.parquet`) or the same rows as JSON or JSON lines: video_id, duration (short,
medium, long), domain, sub_category, url, videoID, question_id, task_type, question, options ("A. Apples." ...),
answer (a letter); or the authors' nested JSON, a video with its `questions`. Videos are VIDEOID.mp4 in data/
(https://huggingface.co/datasets/lmms-lab/Video-MME; https://github.com/MME-Benchmarks/Video-MME). Fu et al., CVPR 2025.

The kind of a question is the video's duration, by which results are reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model.errors import UsageError
from model.training.readers.annotations import files_like, root_of
from model.training.readers.gathering import Gathering
from model.training.readers.media_files import MediaFiles
from model.training.readers.records import clean_text, json_records
from model.training.readers.tally import Tally
from model.training.samples import Answered, Sample

EXPECTS = "a folder with test-00000-of-00001.parquet (or the same rows as .json or .jsonl) and videos named VIDEOID.mp4"
_LETTER = re.compile(r"^\(?([A-H])[.):]\s*")


def read(path: Path, split: str, tally: Tally) -> Iterator[Sample]:
    if split != "test":
        tally.other_splits.add("test")
        return
    root = root_of(path)
    files = MediaFiles(root.parent if path.is_file() and root.name == "videomme" else root, tally, ["data"])
    gathered = Gathering(split)
    for table in files_like(path, ["test-*.parquet", "*.parquet", "*.jsonl", "*video*mme*.json", "*.json"]):
        for where, row in _flat(table, tally):
            question = _question(row, where, tally)
            names = [str(row[name]) for name in ("videoID", "video_id") if row.get(name)]
            file = files.find(*names) if question is not None else None
            if file is not None:
                gathered.add(file, file.stem, question=question)
    yield from gathered.samples()


def _flat(table: Path, tally: Tally) -> Iterator[tuple[str, dict[str, Any]]]:
    for where, record in _parquet(table) if table.suffix == ".parquet" else json_records(table, tally):
        if isinstance(record.get("questions"), list):
            for question in record["questions"]:
                if isinstance(question, dict):
                    yield str(question.get("question_id", where)), {**record, **question}
                else:
                    tally.skip("bad JSON record", where)
        else:
            yield str(record.get("question_id", where)), record


def _parquet(table: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise UsageError(
            f"{table.name} is a Parquet file: install pyarrow (pip install pyarrow) to read it, or put the same rows "
            "there as a .jsonl file."
        ) from None
    for number, row in enumerate(parquet.read_table(table).to_pylist()):
        yield f"row {number}", row


def _question(row: dict[str, Any], where: str, tally: Tally) -> Answered | None:
    given = row.get("options")
    options = tuple(_LETTER.sub("", str(option)).strip() for option in given) if isinstance(given, list) else ()
    letter = str(row.get("answer", "")).strip().upper()
    place = ord(letter) - ord("A") if len(letter) == 1 else -1
    if not 0 <= place < len(options):
        tally.skip("answer that is no option", where)
        return None
    question = clean_text(row.get("question"), "question", where, tally)
    return Answered(question, (options[place],), options, str(row.get("duration", ""))) if question else None
