"""MSVD, the Microsoft Research Video Description Corpus: 1,970 short clips, about 40 English captions each.

`AllVideoDescriptions.txt`: comment lines with #, then "CLIP a sentence"; or `video_corpus.csv` with VideoID, Start,
End, WorkerID, Source, AnnotationTime, Language, Description, whose clip is VIDEOID_START_END. Clips are
`YouTubeClips/CLIP.avi` (https://www.cs.utexas.edu/~ml/clamp/videoDescription/). Chen and Dolan, "Collecting
Highly Parallel Data for Paraphrase Evaluation", ACL 2011.

The usual splits (1,200 / 100 / 670; Venugopalan et al. 2015) stand in `train_list.txt`, `val_list.txt` and
`test_list.txt`, a clip a line; where these are missing, they follow from `youtube_mapping.txt`
("CLIP vid17"): 1 to 1200, to 1300, rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from model.training.readers.annotations import SPLITS, files_like, root_of
from model.training.readers.gathering import Gathering
from model.training.readers.media_files import MediaFiles
from model.training.readers.records import clean_text, csv_rows
from model.training.readers.tally import Tally
from model.training.samples import Sample

EXPECTS = (
    "a folder with AllVideoDescriptions.txt or video_corpus.csv, the clips in YouTubeClips/, and train_list.txt, "
    "val_list.txt and test_list.txt (or youtube_mapping.txt)"
)
_CAPTIONS = ["AllVideoDescriptions.txt", "*video*corpus*.csv", "*description*corpus*.csv"]
_MAPPING = "youtube_mapping.txt"
_LAST_TRAIN, _LAST_VAL = 1200, 1300  # numbers of the usual splits


def read(path: Path, split: str, tally: Tally) -> Iterator[Sample]:
    root = root_of(path)
    splits = _splits(root, tally)
    files = MediaFiles(root, tally, ["YouTubeClips"])
    gathered = Gathering(split)
    for table in files_like(path, _CAPTIONS):
        for where, clip, text in _corpus(table, tally) if table.suffix == ".csv" else _descriptions(table):
            said = splits.get(clip)
            if said != split:
                if said:
                    tally.other_splits.add(said)
                else:
                    tally.skip("clip of no split", clip)
                continue
            caption = clean_text(text, "caption", where, tally)
            file = files.find(clip) if caption else None
            if file is not None:
                gathered.add(file, clip, caption=caption)
    yield from gathered.samples()


def clip_names(root: Path) -> dict[str, str]:
    """The clip behind each "vid17" of youtube_mapping.txt; empty where there is no such file."""
    pairs = [line.split() for file in files_like(root, [_MAPPING]) for line in _lines(file)]
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}


def _splits(root: Path, tally: Tally) -> dict[str, str]:
    splits = {}
    for split in SPLITS:
        for file in files_like(root, [f"{split}_list.txt"]):
            splits.update({line.split()[0]: split for line in _lines(file)})
    if not splits:
        for number, clip in clip_names(root).items():
            place = int(number.removeprefix("vid")) if number.removeprefix("vid").isdigit() else 0
            splits[clip] = "train" if place <= _LAST_TRAIN else "val" if place <= _LAST_VAL else "test"
    if not splits:
        tally.skip("missing annotation file", "train_list.txt")
    return splits


def _lines(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _descriptions(table: Path) -> Iterator[tuple[str, str, str]]:
    """(where, clip, sentence)"""
    for number, line in enumerate(_lines(table), start=1):
        clip, _, text = line.strip().partition(" ")
        yield f"{table.name} description {number}", clip, text


def _corpus(table: Path, tally: Tally) -> Iterator[tuple[str, str, str]]:
    for where, row in csv_rows(table, tally):
        if not {"VideoID", "Start", "End", "Description"} <= row.keys():
            tally.skip("missing column VideoID, Start, End or Description", where)
            return
        if row.get("Language", "English").strip().lower() == "english":  # others come in 120 languages
            yield where, f"{row['VideoID']}_{row['Start']}_{row['End']}", row["Description"]
