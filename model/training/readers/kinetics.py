"""Kinetics-400, -600 and -700: ten-second clips of people's actions, one label each.

CSV files a split (train.csv, val.csv or validate.csv, test.csv) with label, youtube_id, time_start, time_end, split
(https://github.com/cvdfoundation/kinetics-dataset; deepmind.com/open-source/kinetics). Cut clips are named
YOUTUBEID_000012_000022.mp4, in a folder of the split, of the label, or both; an uncut YOUTUBEID.mp4 is taken from
time_start to time_end. Kay et al., "The Kinetics Human Action Video Dataset", 2017.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from model.training.readers.annotations import files_of_split, root_of
from model.training.readers.media_files import MediaFiles
from model.training.readers.records import csv_rows, seconds, split_name
from model.training.readers.tally import Tally
from model.training.samples import Sample

EXPECTS = (
    "a folder with train.csv, val.csv or test.csv (label, youtube_id, time_start, time_end, split) and clips named "
    "YOUTUBEID_000012_000022.mp4"
)
_FILES = {
    "train": ["train.csv", "*train*.csv"],
    "val": ["val.csv", "validate.csv", "*val*.csv"],
    "test": ["test.csv", "*test*.csv"],
}


def read(path: Path, split: str, tally: Tally) -> Iterator[Sample]:
    files = MediaFiles(root_of(path), tally, [split, "validate" if split == "val" else split])
    for table in files_of_split(path, _FILES, split, tally):
        for where, row in csv_rows(table, tally):
            if not {"youtube_id", "time_start", "time_end"} <= row.keys():
                tally.skip("missing column youtube_id, time_start or time_end", where)
                break
            said = split_name(row.get("split", split))
            if said != split:
                tally.other_splits.add(said)
                continue
            sample = _sample(row, where, split, files, tally)
            if sample is not None:
                yield sample


def _sample(row: dict[str, str], where: str, split: str, files: MediaFiles, tally: Tally) -> Sample | None:
    label, video = row.get("label", "").strip(), row["youtube_id"].strip()
    start, end = seconds(row["time_start"]), seconds(row["time_end"])
    if not label:
        tally.skip("missing label", where)
        return None
    if start is None or end is None or end <= start:
        tally.skip("times that make no sense", where)
        return None
    clip = f"{video}_{int(start):06d}_{int(end):06d}"
    file = files.find(clip, video)
    if file is None:
        return None
    is_cut = file.stem == clip
    return Sample(clip, file, split, start=0.0 if is_cut else start, end=None if is_cut else end, label=label)
