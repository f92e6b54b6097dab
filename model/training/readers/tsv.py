"""Plain folders with a table: the way to train on pictures and videos of one's own.

A TSV file has a header line and no quoting (a " is a literal character). Its columns, in any order:

- `image`, `video` or `file`: a name in the folder, in `images/` or `videos/` beside the TSV, or anywhere below; the
  suffix may be left out
- `split`: train, val or test; without this column every row is train
- `caption`, or `question` with `answer` (and `answers`: those of several people, joined by |), or `label`
- `start`, `end`: seconds, where the row is about a stretch of a video; it becomes a sample of its own

Rows about the same file and stretch become one sample. Every usable TSV of a folder is read, so that captions and
questions may stand in two.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from model.training.readers.annotations import files_like, root_of
from model.training.readers.gathering import Gathering
from model.training.readers.media_files import MediaFiles
from model.training.readers.records import clean_text, columns, seconds, split_name, tsv_rows
from model.training.readers.tally import Tally
from model.training.samples import Answered, Sample

EXPECTS = (
    "a folder with pictures or videos and a .tsv file (or that file) with the columns image, video or file; "
    "caption, or question and answer, or label; and split where there are several"
)
_MEDIA = ("image", "video", "file")
_SAID = ("caption", "question", "label")


def read(path: Path, split: str, tally: Tally) -> Iterator[Sample]:
    files = MediaFiles(root_of(path), tally)
    gathered = Gathering(split)
    for table in files_like(path, ["*.tsv"]):
        names = columns(table, "\t")
        media = next((name for name in _MEDIA if name in names), "")
        if media and any(name in names for name in _SAID):
            _read_table(table, media, split, files, gathered, tally)
        elif path.is_file():
            tally.skip("unusable header", f"{table.name}: {', '.join(names)}")
    yield from gathered.samples()


def _read_table(table: Path, media: str, split: str, files: MediaFiles, gathered: Gathering, tally: Tally) -> None:
    for where, row in tsv_rows(table, tally):
        said = split_name(row.get("split", "train"))
        if said != split:
            tally.other_splits.add(said)
            continue
        stretch = _stretch(row)
        if stretch is None:
            tally.skip("times that make no sense", where)
            continue
        name = row[media].strip()
        file = files.find(name)
        if file is None:
            continue
        start, end = stretch
        if not any(row.get(column, "").strip() for column in _SAID):
            tally.skip(f"empty {next(column for column in _SAID if column in row)}", where)
        if row.get("caption", "").strip():
            caption = clean_text(row["caption"], "caption", where, tally)
            if caption:
                gathered.add(file, name, caption=caption, start=start, end=end)
        if row.get("question", "").strip():
            question = _question(row, where, tally)
            if question:
                gathered.add(file, name, question=question, start=start, end=end)
        label = row.get("label", "").strip()
        if label:
            gathered.add(file, name, label=label, start=start, end=end)


def _question(row: dict[str, str], where: str, tally: Tally) -> Answered | None:
    question = clean_text(row["question"], "question", where, tally)
    several = [answer.strip() for answer in row.get("answers", "").split("|") if answer.strip()]
    answer = row.get("answer", "").strip() or (several[0] if several else "")
    if not question or not clean_text(answer, "answer", where, tally):
        return None
    # The table's own answer first, so that it is the one of equally frequent ones that counts.
    several.sort(key=lambda given: given != row.get("answer", "").strip())
    return Answered(question, tuple(several or [answer]), kind=row.get("kind", "").strip())


def _stretch(row: dict[str, str]) -> tuple[float, float | None] | None:
    start_text, end_text = row.get("start", "").strip(), row.get("end", "").strip()
    start = seconds(start_text) if start_text else 0.0
    end = seconds(end_text) if end_text else None
    if start is None or (end_text and end is None) or (end is not None and end <= start):
        return None
    return start, end
