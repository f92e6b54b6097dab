"""Data sets as their authors distribute them: each read from a tiny sample of its own format, with what is broken."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from model.errors import UsageError
from model.training.readers import READERS, Tally, read
from tests.data_files import put, samples, write

# The table of a plain folder


def test_a_table_of_captions_gathers_them_by_picture(tmp_path: Path) -> None:
    put(tmp_path, "images/a.jpg", "images/b.jpg", "images/c.jpg")
    write(
        tmp_path / "captions.tsv",
        'image\tsplit\tcaption\na.jpg\ttrain\tA dog .\nb.jpg\ttest\tA cat .\na.jpg\ttrain\tThe "dog\nc\ttrain\tA car\n',
    )
    tally = Tally()
    found = samples("tsv", tmp_path, "train", tally)
    assert found["a.jpg"].captions == ("A dog .", 'The "dog')  # a quote is a character
    assert found["a.jpg"].file == tmp_path / "images" / "a.jpg"
    assert found["c"].file.name == "c.jpg"  # the suffix may be left out
    assert (tally.read, tally.captions, tally.skipped.total()) == (2, 3, 0)


def test_a_table_of_questions_keeps_every_answer_and_prefers_its_own(tmp_path: Path) -> None:
    put(tmp_path, "images/a.jpg")
    table = write(
        tmp_path / "vqa.tsv", "image\tsplit\tquestion\tanswer\tanswers\na.jpg\ttrain\tHow many?\t2\t3|2|3|2|many\n"
    )
    (question,) = samples("tsv", table)["a.jpg"].questions
    assert sorted(question.answers) == ["2", "2", "3", "3", "many"]
    assert question.answer == "2"
    assert not question.generated


def test_captions_and_questions_in_two_tables_meet_in_one_sample(tmp_path: Path) -> None:
    put(tmp_path, "images/a.jpg")
    write(tmp_path / "captions.tsv", "image\tsplit\tcaption\na.jpg\ttrain\tA dog\n")
    write(tmp_path / "qa.tsv", "image\tsplit\tquestion\tanswer\na.jpg\ttrain\tWhat?\tdog\n")
    write(tmp_path / "images.tsv", "image\tsplit\na.jpg\ttrain\n")  # says nothing that could be learned
    found = samples("tsv", tmp_path)
    assert len(found["a.jpg"].captions) == len(found["a.jpg"].questions) == 1


def test_stretches_of_a_video_are_samples_of_their_own_and_rows_without_a_split_are_train(tmp_path: Path) -> None:
    put(tmp_path, "v.mp4")
    write(
        tmp_path / "my.tsv",
        "video\tstart\tend\tcaption\tlabel\nv\t2\t4.5\tA jump\tsport\nv\t\t\tA day\t\nv\t5\t3\tNo\t\n",
    )
    tally = Tally()
    found = list(read("tsv", tmp_path, "train", tally))
    assert [(s.start, s.end, s.label) for s in found] == [(2, 4.5, "sport"), (0, None, "")]
    assert len({s.id for s in found}) == 2
    assert tally.skipped == {"times that make no sense": 1}


def test_broken_rows_are_skipped_counted_and_told_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path, "images/a.jpg")
    (tmp_path / "images" / "empty.jpg").touch()
    rows = [
        "a.jpg\tA dog",
        "gone.jpg\tA cat",
        "empty.jpg\tA cat",
        "a.jpg\t ",
        f"a.jpg\t{'x' * 10_000}",
        "a.jpg\tb\tc",
        "a",
    ]
    write(tmp_path / "captions.tsv", "image\tcaption\n" + "\n".join(rows))
    tally = Tally()
    with caplog.at_level(logging.INFO):
        assert list(samples("tsv", tmp_path, "train", tally)) == ["a.jpg"]
    assert tally.skipped == {
        "missing file": 2,
        "empty caption": 1,
        "caption of more than 5,000 characters": 1,
        "wrong number of columns": 2,
    }
    (line,) = [record.getMessage() for record in caplog.records]
    assert "1 samples with 1 captions; 6 rows skipped" in line
    assert "missing file (first: gone.jpg)" in line
    assert "captions.tsv line 5" in line


def test_names_that_no_file_can_have_are_missing_files(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    write(tmp_path / "t.tsv", f"image\tcaption\na.jpg\tA dog\n{'n' * 5000}\tA cat\nb\0.jpg\tA cat\n\tA cat\n")
    tally = Tally()
    samples("tsv", tmp_path, "train", tally)
    assert tally.skipped == {"missing file": 3}


# Requests that cannot be met


def test_an_unknown_reader_is_told_the_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='no reader "coco": choose tsv, webvid, msrvtt'):
        read("coco", tmp_path, "train")


def test_a_missing_path_is_told_what_belongs_there(tmp_path: Path) -> None:
    for name in READERS:
        with pytest.raises(UsageError, match=r"There is no .*nowhere: the \w+ reader expects a"):
            read(name, tmp_path / "nowhere", "train")


def test_a_split_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    write(tmp_path / "t.tsv", "image\tsplit\tcaption\na.jpg\tdev\tA dog\n")
    with pytest.raises(UsageError, match="has nothing of the split test: choose val"):
        read("tsv", tmp_path, "test")
    with pytest.raises(UsageError, match='no split "dev": choose train, val or test'):
        read("tsv", tmp_path, "dev")


@pytest.mark.parametrize("name", READERS)
def test_an_empty_folder_is_told_what_the_reader_expects(name: str, tmp_path: Path) -> None:
    split = "test" if name in ("mvbench", "videomme") else "train"
    with pytest.raises(UsageError, match=f"the {name} reader expects"):
        read(name, tmp_path, split)


def test_nothing_but_broken_rows_is_an_error_that_says_why(tmp_path: Path) -> None:
    write(tmp_path / "t.tsv", "image\tcaption\na.jpg\tA dog\nb.jpg\tA cat\n")
    with pytest.raises(UsageError, match=r"Skipped: 2 missing file \(first: a\.jpg\)"):
        read("tsv", tmp_path, "train")
