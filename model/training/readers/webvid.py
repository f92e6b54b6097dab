"""WebVid-2M and WebVid-10M: short stock videos, one caption each.

`results_2M_train.csv` (or `_10M_`, `_val`) has the columns videoid, contentUrl, duration, page_dir, name; the authors'
download script puts videos at `videos/PAGE_DIR/VIDEOID.mp4` (https://github.com/m-bain/webvid). Bain et al., "Frozen in
Time", ICCV 2021. There is no test split.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from model.training.readers.annotations import files_of_split, root_of
from model.training.readers.media_files import MediaFiles
from model.training.readers.records import clean_text, csv_rows
from model.training.readers.tally import Tally
from model.training.samples import Sample

EXPECTS = "a folder with results_2M_train.csv or results_2M_val.csv and videos at videos/PAGE_DIR/VIDEOID.mp4"
_FILES = {"train": ["results_*_train.csv", "*train*.csv"], "val": ["results_*_val.csv", "*val*.csv"]}


def read(path: Path, split: str, tally: Tally) -> Iterator[Sample]:
    # Millions of videos: they are looked up where they belong, never listed.
    files = MediaFiles(root_of(path), tally, ["data/videos", f"{split}/videos", split, f"videos/{split}"], search=False)
    for table in files_of_split(path, _FILES, split, tally):
        for where, row in csv_rows(table, tally):
            if "videoid" not in row or "name" not in row:
                tally.skip("missing column videoid or name", where)
                return
            video, page = row["videoid"].strip(), row.get("page_dir", "").strip()
            caption = clean_text(row["name"], "caption", where, tally)
            file = files.find(f"{page}/{video}.mp4", f"{video}.mp4") if caption else None
            if file is not None:
                yield Sample(video, file, split, captions=(caption,))
