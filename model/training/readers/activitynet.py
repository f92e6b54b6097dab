"""ActivityNet Captions: long videos, each with sentences and when they happen.

`train.json`, `val_1.json`, `val_2.json`: an object by video ("v_QOlSCBRmfWY") of duration, timestamps ([[start, end],
...] in seconds) and sentences (https://cs.stanford.edu/people/ranjaykrishna/densevid/). Krishna et al.,
"Dense-Captioning Events in Videos", ICCV 2017. The two val files describe the same videos by two people; as
is usual, the first is val here and the second test (the real test set has no public captions).

A sample's caption is the paragraph of all its sentences, as paragraph-to-video retrieval takes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model.training.readers.annotations import files_of_split, root_of
from model.training.readers.media_files import MediaFiles
from model.training.readers.records import LONGEST_TEXT_CHARS, clean_text, json_records, seconds
from model.training.readers.tally import Tally
from model.training.samples import Sample

EXPECTS = "a folder with train.json, val_1.json or val_2.json and videos named v_ID.mp4 (.mkv, .webm)"
_FILES = {
    "train": ["train.json", "*train*.json"],
    "val": ["val_1.json", "*val_1*.json", "val.json"],
    "test": ["val_2.json", "*val_2*.json", "test.json"],
}


def read(path: Path, split: str, tally: Tally) -> Iterator[Sample]:
    files = MediaFiles(root_of(path), tally)
    for table in files_of_split(path, _FILES, split, tally):
        for video, record in json_records(table, tally, ["timestamps", "sentences"]):
            file = files.find(video, video.removeprefix("v_"))
            moments = _moments(video, record, tally) if file is not None else ()
            if file is not None and moments:
                paragraph = " ".join(text for _, _, text in moments)
                captions = (paragraph,) if len(paragraph) <= LONGEST_TEXT_CHARS else ()
                yield Sample(video, file, split, captions=captions, moments=moments)


def _moments(video: str, record: dict[str, Any], tally: Tally) -> tuple[tuple[float, float, str], ...]:
    times, sentences = record["timestamps"], record["sentences"]
    if not isinstance(times, list) or not isinstance(sentences, list) or len(times) != len(sentences):
        tally.skip("bad JSON record", video)
        return ()
    duration = seconds(record.get("duration")) or float("inf")
    moments = []
    for time, sentence in zip(times, sentences, strict=True):
        text = clean_text(sentence, "caption", video, tally)
        ends = [seconds(end) for end in time] if isinstance(time, list) and len(time) == 2 else [None, None]
        start, end = ends
        if start is None or end is None or not start < min(end, duration):
            tally.skip("times that make no sense", video)
        elif text:
            moments.append((start, min(end, duration), text))
    return tuple(moments)
