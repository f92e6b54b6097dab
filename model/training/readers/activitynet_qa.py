"""ActivityNet-QA: open questions about long videos.

`train_q.json` (video_name, question, question_id) and `train_a.json` (question_id, answer, type), likewise val and
test; videos are ActivityNet's, v_VIDEONAME.mp4 (https://github.com/MILVLG/activitynet-qa, dataset/README.md, which also
numbers the types). Yu et al., AAAI 2019.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from model.training.readers.annotations import files_of_split, root_of
from model.training.readers.gathering import Gathering
from model.training.readers.media_files import MediaFiles
from model.training.readers.records import clean_text, json_records
from model.training.readers.tally import Tally
from model.training.samples import Answered, Sample

EXPECTS = "a folder with train_q.json and train_a.json (or val_, test_) and videos named v_ID.mp4"
_FILES = {split: [f"{split}_q.json", f"*{split}*_q.json"] for split in ("train", "val", "test")}
_KINDS = (
    "motion", "spatial relationship", "temporal relationship",
    "yes/no", "color", "object", "location", "number", "other",
)  # fmt: skip


def read(path: Path, split: str, tally: Tally) -> Iterator[Sample]:
    files = MediaFiles(root_of(path), tally)
    gathered = Gathering(split)
    for table in files_of_split(path, _FILES, split, tally):
        answers = _answers(table.with_name(table.name.replace("_q.", "_a.")), tally)
        for key, record in json_records(table, tally, ["question_id", "video_name", "question"]):
            where = f"{table.name} {record.get('question_id', key)}"
            answer, kind = answers.get(str(record["question_id"]), ("", ""))
            if not answer:
                tally.skip("question without answer", where)
                continue
            video = str(record["video_name"])
            question = clean_text(record["question"], "question", where, tally)
            file = files.find(f"v_{video}", video) if question else None
            if file is not None:
                gathered.add(file, video, question=Answered(question, (answer,), kind=kind))
    yield from gathered.samples()


def _answers(table: Path, tally: Tally) -> dict[str, tuple[str, str]]:
    """Answer and kind by question."""
    if not table.is_file():
        tally.skip("missing annotation file", table.name)
        return {}
    answers = {}
    for key, record in json_records(table, tally, ["question_id", "answer"]):
        text = clean_text(record["answer"], "answer", f"{table.name} {key}", tally)
        number = str(record.get("type", ""))
        kind = _KINDS[int(number)] if number.isdigit() and int(number) < len(_KINDS) else ""
        answers[str(record["question_id"])] = (text, kind)
    return answers
