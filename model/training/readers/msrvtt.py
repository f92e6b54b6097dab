"""MSR-VTT: 10,000 clips from the web, 20 captions each.

`train_val_videodatainfo.json` and `test_videodatainfo.json`, or `MSRVTT_data.json` that holds both: an object with
`videos` (video_id, split: train, validate, test) and `sentences` (video_id, caption). Clips are distributed cut, as
`video0.mp4` ("start time" and "end time" are those of the source). Xu et al., "MSR-VTT", CVPR 2016; its readme.

PATH may also be a CSV that lists a part of it by `video_id`, beside the JSON: `MSRVTT_JSFUSION_test.csv`, the test set
"1k-A" (columns key, vid_key, video_id, sentence: of each video only that sentence), or `MSRVTT_train.9k.csv` (all
sentences), as distributed with https://github.com/ArrowLuo/CLIP4Clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model.training.readers.annotations import files_like, root_of
from model.training.readers.gathering import Gathering
from model.training.readers.media_files import MediaFiles
from model.training.readers.records import clean_text, csv_rows, json_document, split_name, split_of_name
from model.training.readers.tally import Tally
from model.training.samples import Sample

EXPECTS = (
    "a folder with MSRVTT_data.json (or train_val_videodatainfo.json and test_videodatainfo.json) and videos named "
    "video0.mp4, or a CSV in it that lists a part, such as MSRVTT_JSFUSION_test.csv"
)
_JSON = ["MSRVTT_data.json", "*videodatainfo*.json", "msr*vtt*.json"]


def read(path: Path, split: str, tally: Tally) -> Iterator[Sample]:
    gathered = Gathering(split)
    files = MediaFiles(root_of(path), tally, ["all", "MSRVTT_Videos", "TrainValVideo", "TestVideo"])
    if path.suffix.lower() == ".csv":
        sentences = _listed(path, split, tally)
    else:
        sentences = _of_split(files_like(path, _JSON), split, tally)
    for where, video, text in sentences:
        caption = clean_text(text, "caption", where, tally)
        file = files.find(video) if caption else None
        if file is not None:
            gathered.add(file, video, caption=caption)
    yield from gathered.samples()


def _of_split(tables: list[Path], split: str, tally: Tally) -> Iterator[tuple[str, str, Any]]:
    """(where, video, sentence)"""
    for table in tables:
        splits, sentences = _document(table, tally)
        for where, video, text in sentences:
            said = splits.get(video, "")
            if said == split:
                yield where, video, text
            elif said:
                tally.other_splits.add(said)
            else:
                tally.skip("sentence of an unknown video", where)


def _listed(table: Path, split: str, tally: Tally) -> Iterator[tuple[str, str, Any]]:
    said = split_of_name(table) or "test"
    if said != split:
        tally.other_splits.add(said)
        return
    without_sentence = set()
    for where, row in csv_rows(table, tally):
        video = row.get("video_id", "").strip()
        if not video:
            tally.skip("missing video_id", where)
        elif "sentence" in row:
            yield where, video, row["sentence"]
        else:
            without_sentence.add(video)
    if without_sentence:
        for document in files_like(table.parent, _JSON):
            yield from (found for found in _document(document, tally)[1] if found[1] in without_sentence)


def _document(table: Path, tally: Tally) -> tuple[dict[str, str], list[tuple[str, str, Any]]]:
    """The split of each video, and (where, video, sentence) of each sentence."""
    document = json_document(table, tally)
    if not isinstance(document, dict):
        return {}, []
    splits, sentences = {}, []
    for video in document.get("videos") or []:
        if isinstance(video, dict) and "video_id" in video:
            splits[str(video["video_id"])] = split_name(video.get("split", split_of_name(table)))
        else:
            tally.skip("bad JSON record", f"{table.name} videos")
    for number, sentence in enumerate(document.get("sentences") or []):
        where = f"{table.name} sentence {number}"
        if isinstance(sentence, dict) and "video_id" in sentence:
            sentences.append((where, str(sentence["video_id"]), sentence.get("caption")))
        else:
            tally.skip("bad JSON record", where)
    return splits, sentences
