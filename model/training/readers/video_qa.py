"""MSRVTT-QA and MSVD-QA: open questions with one-word answers, made from the captions of MSR-VTT and MSVD.

`train_qa.json`, `val_qa.json`, `test_qa.json`: an array of {id, video_id, question, answer}. A video_id of MSRVTT-QA
is the number in `video6513.mp4`; one of MSVD-QA is the number in `youtube_mapping.txt` ("CLIP vid1201"), whose clip is
CLIP.avi (https://github.com/xudejing/video-question-answering). Xu et al., "Video Question Answering via Gradually
Refined Attention over Appearance and Motion", ACM Multimedia 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from model.training.readers.annotations import files_of_split, root_of
from model.training.readers.gathering import Gathering
from model.training.readers.media_files import MediaFiles
from model.training.readers.msvd import clip_names
from model.training.readers.records import clean_text, json_records
from model.training.readers.tally import Tally
from model.training.samples import Answered, Sample

MSRVTT_EXPECTS = "a folder with train_qa.json, val_qa.json or test_qa.json and videos named video6513.mp4"
MSVD_EXPECTS = (
    "a folder with train_qa.json, val_qa.json or test_qa.json, youtube_mapping.txt, and the clips in YouTubeClips/"
)
_FILES = {split: [f"{split}_qa.json", f"*{split}*qa*.json", f"*qa*{split}*.json"] for split in ("train", "val", "test")}


def read_msrvtt(path: Path, split: str, tally: Tally) -> Iterator[Sample]:
    return _read(path, split, tally, lambda number: (f"video{number}",))


def read_msvd(path: Path, split: str, tally: Tally) -> Iterator[Sample]:
    clips = clip_names(root_of(path))
    return _read(path, split, tally, lambda number: (clips.get(f"vid{number}", f"vid{number}"), f"vid{number}"))


def _read(path: Path, split: str, tally: Tally, names: Callable[[str], tuple[str, ...]]) -> Iterator[Sample]:
    files = MediaFiles(root_of(path), tally, ["YouTubeClips", "all", "MSRVTT_Videos"])
    gathered = Gathering(split)
    for table in files_of_split(path, _FILES, split, tally):
        for key, record in json_records(table, tally, ["question", "answer"]):
            where = f"{table.name} {record.get('id', key)}"
            number = str(record.get("video_id", "")).strip()
            candidates = names(number) if number.isdigit() else (number, str(record.get("video_name", "")))
            question = clean_text(record["question"], "question", where, tally)
            answer = clean_text(record["answer"], "answer", where, tally) if question else ""
            file = files.find(*candidates) if answer else None
            if file is not None:
                gathered.add(file, file.stem, question=Answered(question, (answer,)))
    yield from gathered.samples()
