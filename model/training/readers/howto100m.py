"""HowTo100M: instruction videos with their narration.

`caption.json` or `raw_caption.json` (the latter with all its words, so it is preferred): an object by video of `start`,
`end` (seconds) and `text`, lists of one length. `HowTo100M_v1.csv` (video_id, category_1, category_2, rank, task_id)
says which videos belong to it; where it is there, others are left out. Files are VIDEO_ID.mp4 or .webm
(https://www.di.ens.fr/willow/research/howto100m/, its README). Miech et al., ICCV 2019. All of it is train.

What is narrated need not be seen: these are moments, not captions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model.training.readers.annotations import files_like, root_of
from model.training.readers.media_files import MediaFiles
from model.training.readers.records import clean_text, csv_rows, json_records, seconds
from model.training.readers.tally import Tally
from model.training.samples import Sample

EXPECTS = "a folder with caption.json or raw_caption.json, HowTo100M_v1.csv, and videos named VIDEO_ID.mp4"


def read(path: Path, split: str, tally: Tally) -> Iterator[Sample]:
    if split != "train":
        tally.other_splits.add("train")
        return
    root = root_of(path)
    files = MediaFiles(root, tally)
    categories = _categories(root, tally)
    for table in files_like(path, ["raw_caption*.json", "caption*.json", "*.json"]):
        for video, record in json_records(table, tally, ["start", "end", "text"]):
            if categories is not None and video not in categories:
                tally.skip("video that the CSV does not list", video)
                continue
            file = files.find(video)
            moments = _moments(video, record, tally) if file is not None else ()
            if file is not None and moments:
                yield Sample(video, file, split, label=(categories or {}).get(video, ""), moments=moments)


def _categories(root: Path, tally: Tally) -> dict[str, str] | None:
    """The highest category of each video; None where there is no CSV."""
    tables = files_like(root, ["HowTo100M*.csv"])
    rows = [row for table in tables for _, row in csv_rows(table, tally)]
    return {row.get("video_id", ""): row.get("category_1", "") for row in rows} if tables else None


def _moments(video: str, record: dict[str, Any], tally: Tally) -> tuple[tuple[float, float, str], ...]:
    starts, ends, texts = (record[name] for name in ("start", "end", "text"))
    lists = (starts, ends, texts)
    if not all(isinstance(given, list) for given in lists) or len({len(given) for given in lists}) != 1:
        tally.skip("bad JSON record", video)
        return ()
    moments = []
    for start, end, said in zip(map(seconds, starts), map(seconds, ends), texts, strict=True):
        text = clean_text(said, "caption", video, tally)
        if start is None or end is None or end <= start:
            tally.skip("times that make no sense", video)
        elif text:
            moments.append((start, end, " ".join(text.split())))
    return tuple(moments)
