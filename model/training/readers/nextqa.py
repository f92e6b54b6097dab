"""NExT-QA, multiple choice: why, how, before and after, in home videos.

`train.csv`, `val.csv`, `test.csv` with video, frame_count, width, height, question, answer (0 to 4), qid, type, a0 to
a4; `map_vid_vidorID.json` says where a video is ("4010069381": "1164/4010069381", with .mp4)
(https://github.com/doc-doc/NExT-QA, dataset/nextqa). In NExT-GQA's files, which are read too, the answer is the text.
Xiao et al., CVPR 2021. Types: C causal, T temporal, D descriptive, with a second letter each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from model.training.readers.annotations import files_like, files_of_split, root_of
from model.training.readers.gathering import Gathering
from model.training.readers.media_files import MediaFiles
from model.training.readers.records import clean_text, csv_rows, json_document
from model.training.readers.tally import Tally
from model.training.samples import Answered, Sample

EXPECTS = (
    "a folder with train.csv, val.csv or test.csv (video, question, answer, a0 to a4), map_vid_vidorID.json, and the "
    "videos in NExTVideo/ or anywhere below"
)
_FILES = {split: [f"{split}.csv", f"*{split}*.csv"] for split in ("train", "val", "test")}
_OPTIONS = ("a0", "a1", "a2", "a3", "a4")


def read(path: Path, split: str, tally: Tally) -> Iterator[Sample]:
    root = root_of(path)
    files = MediaFiles(root, tally, ["NExTVideo"])
    places = _places(root, tally)
    gathered = Gathering(split)
    for table in files_of_split(path, _FILES, split, tally):
        for where, row in csv_rows(table, tally):
            if not {"video", "question", "answer", *_OPTIONS} <= row.keys():
                tally.skip("missing column video, question, answer or a0 to a4", where)
                break
            question = _question(row, where, tally)
            video = row["video"].strip()
            file = files.find(places.get(video, video), video) if question else None
            if file is not None:
                gathered.add(file, video, question=question)
    yield from gathered.samples()


def _places(root: Path, tally: Tally) -> dict[str, str]:
    for file in files_like(root, ["map_vid_vidorID.json"]):
        places = json_document(file, tally)
        if isinstance(places, dict):
            return {str(video): str(place) for video, place in places.items()}
    return {}


def _question(row: dict[str, str], where: str, tally: Tally) -> Answered | None:
    options = tuple(row[name].strip() for name in _OPTIONS)
    said = row["answer"].strip()
    answer = options[int(said)] if said.isdigit() and int(said) < len(options) and said not in options else said
    if answer not in options:
        tally.skip("answer that is no option", where)
        return None
    question = clean_text(row["question"], "question", where, tally)
    return Answered(question, (answer,), options, row.get("type", "").strip()) if question else None
